"""Configuration files for tests: complete, on free ports, in the folder of the test."""

import pathlib


def _write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return path


def plain(folder, queue, upstream_port, listen_port=0, connections_max=3, uncertain_attempts_max=3):
    """Relays to a server on this machine, without TLS, authentication and limits; trouble is retried at once."""
    return _write(folder, 'plain.yaml', f'''
mailbox: app@contoso.test
listen: [127.0.0.1:{listen_port}]
hostname: mailramp.test
upstream:
  host: 127.0.0.1
  port: {upstream_port}
  tls: none
  authentication: none
  connections_max: {connections_max}
  messages_per_minute_max: 0
queue:
  directory: {queue}
  disk_free_min: 1MiB
retry:
  first_delay: 1s
  uncertain_delay: 1s
  uncertain_attempts_max: {uncertain_attempts_max}
pause:
  unreachable_rest_max: 1s
  refused_rest_max: 1s
admin:
  socket: {folder}/admin.sock
log:
  format: json
''')


def write_secret(folder, secret):
    path = pathlib.Path(folder) / 'client-secret'
    path.write_text(secret + '\n')
    path.chmod(0o600)
    return path


def submission(folder, ca_file, port, authority, mailbox, client_id, secret, senders='keep'):
    """Submits to a server on this machine as Microsoft 365 wants it: STARTTLS, then a token of `authority`."""
    return _write(folder, 'submission.yaml', f'''
mailbox: {mailbox}
tenant_id: 99999999-8888-7777-6666-555555555555
client_id: {client_id}
senders: {senders}
client_secret:
  file: {write_secret(folder, secret)}
listen: [127.0.0.1:0]
hostname: mailramp.test
ca_file: {ca_file}
upstream:
  host: localhost
  port: {port}
  family: ipv4
  messages_per_minute_max: 0
token:
  authority: {authority}
queue:
  directory: {folder}/queue
retry:
  first_delay: 1s
pause:
  unreachable_rest_max: 1s
  refused_rest_max: 1s
admin:
  socket: {folder}/admin.sock
log:
  format: json
''')
