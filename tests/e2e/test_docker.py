"""The container image and its examples, without an engine: image.py follows the Dockerfile and runs what comes of it.

By default that is its last stage, of the programs of this build folder, over packages of this machine: a few seconds. With the long
tests the build stage runs as well, both in roots of debootstrap with the real apt-get: as long as mailramp takes to build.
What only an engine shows is not shown here: how it pulls, mounts and restarts, its seccomp profile, its networks of several containers.
"""

import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import smtplib
import socket
import struct
import subprocess
import tempfile
import unittest

import harness
import image
import relay

try:
    import yaml
except ImportError:
    yaml = None

COMPOSE = image.SOURCE / 'docker' / 'compose.yaml'
KUBERNETES = image.SOURCE / 'docker' / 'kubernetes.yaml'
MANUAL = image.SOURCE / 'docs' / 'docker.md'
VOLUME = '/var/lib/mailramp'
SECRET = '/run/secrets/client_secret'
USER = 10025
ENDS_WITHIN = 10.0  # what docs/docker.md promises, and what Docker waits by itself
CONFIGURATION = 78

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PORT_START = 'net.ipv4.ip_unprivileged_port_start'

BUILT = None


def setUpModule():
    global BUILT
    harness.require_root()
    if yaml is None:
        raise harness.Unavailable('needs python3-yaml')
    folder = pathlib.Path(tempfile.mkdtemp(prefix='mailramp-image-'))
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    BUILT = (image.build_entirely if harness.is_long() else image.build_quickly)(folder)
    enter_network()


def enter_network():
    """One of our own for all that follows, which is what the containers of a pod have: loopback, and here nothing else."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', IFF_UP))


def sysctl(name, value):
    pathlib.Path('/proc/sys', name.replace('.', '/')).write_text(str(value))


def compose():
    return yaml.safe_load(COMPOSE.read_text())


def pod():
    """The template of the StatefulSet, and its init container."""
    stateful_set = yaml.safe_load(KUBERNETES.read_text())
    spec = stateful_set['spec']['template']['spec']
    return stateful_set, spec, next(container for container in spec['initContainers'] if container['name'] == 'mailramp')


def pod_environment():
    return {entry['name']: entry['value'] for entry in pod()[2]['env']}


def as_text(environment):
    return {name: str(value) for name, value in environment.items()}


class Containers(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)
        sysctl(PORT_START, compose()['services']['pod']['sysctls'][PORT_START])
        self.volume = self.make_volume(USER, 0o700)

    def make_volume(self, owner, mode):
        """As Docker makes a named one by default: with owner and mode of the image's folder."""
        volume = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        os.chown(volume, owner, USER)
        volume.chmod(mode)
        return volume

    def secret_file(self, mode=0o444, owner=0, content=None):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        file = folder / 'secret'
        file.write_text(content or self.sandbox.secret() + '\n')
        os.chown(file, owner, USER)
        file.chmod(mode)
        return file

    def to_the_sandbox(self):
        """What leads a container's mail to the simulated cloud; everything else is as the example has it."""
        theirs = relay.as_variables({
            name: value for name, value in relay.submitting(self.folder, self.sandbox).items()
            if name in ('mailbox', 'tenant_id', 'client_id', 'senders', 'upstream', 'token', 'retry', 'pause')})
        return theirs | {'MAILRAMP_CA_FILE': '/etc/ssl/of-the-test.pem', 'MAILRAMP_QUEUE__DISK_FREE_MIN': '1MiB',
                         'MAILRAMP_LOG__LEVEL': 'debug'}

    def run_container(self, environment, mounts, wait_until_ready=True, **options):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        hosts = folder / 'hosts'
        hosts.write_text('127.0.0.1 localhost\n')
        always = [image.Mount(hosts, '/etc/hosts'), image.Mount(self.sandbox.ready['ca_file'], '/etc/ssl/of-the-test.pem')]
        container = self.started(image.Container(BUILT, folder, environment, always + mounts, **options))
        if wait_until_ready:
            container.wait_for('ready')
        return container

    def as_compose(self, secret=None, volume=None, **options):
        """The service of compose.yaml; its secret is mounted as Swarm and `environment:` have it, unless told otherwise."""
        service = compose()['services']['mailramp']
        self.assertEqual([volume.split(':')[1] for volume in service['volumes']], [VOLUME])
        self.assertEqual(service['secrets'], ['client_secret'])
        mounts = [image.Mount(volume or self.volume, VOLUME, writable=True),
                  image.Mount(secret or self.secret_file(), SECRET)]
        return self.run_container(as_text(service['environment']) | self.to_the_sandbox() | options.pop('environment', {}), mounts,
                                  read_only=service['read_only'], **options)

    def submit(self, body=b'hello\r\n'):
        with smtplib.SMTP('127.0.0.1', 25, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            return relay.submit(client, relay.HEAD + body)


class Image(Containers):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def check(self, environment, secret=SECRET):
        """`mailramp config check` in a container with these variables."""
        mounts = [image.Mount(self.volume, VOLUME, writable=True), image.Mount(self.secret_file(), secret)]
        container = self.run_container(as_text(environment), mounts, wait_until_ready=False, command=['config', 'check'])
        return container.wait(), container.lines.text(), container.stderr()

    def expect_known(self, environment, secret=SECRET):
        """Every variable of it and of the image is a key, and none is left aside."""
        status, said, complaints = self.check(environment, secret)
        self.assertEqual(status, 0, complaints)
        named = re.fullmatch(r'environment: OK: (.*)', said).group(1)
        ours = {name for name in {**BUILT.environment, **environment} if name.startswith('MAILRAMP_')}
        self.assertEqual(set(re.findall(r'MAILRAMP_\w+', named)), ours)

    def test_it_is_what_the_examples_count_on(self):
        self.assertEqual(BUILT.user, f'{USER}:{USER}')
        self.assertEqual(BUILT.volumes, [VOLUME])
        self.assertEqual(pod()[1]['securityContext']['fsGroup'], USER)
        self.assertEqual(pod()[2]['startupProbe']['exec']['command'], BUILT.healthcheck)
        for name in ('MAILRAMP_QUEUE__DIRECTORY', 'MAILRAMP_ADMIN__SOCKET'):
            self.assertTrue(BUILT.environment[name].startswith(VOLUME + '/'))

    def test_the_programs_have_all_their_libraries_and_nothing_else_is_added(self):
        missing = image.run_in(BUILT.root, 'ldd /usr/sbin/mailramp /usr/sbin/mailramp-sendmail', BUILT.environment)
        self.assertNotIn('not found', missing)
        self.assertIn('libssl', missing)
        added = sorted(path.name for path in (BUILT.root / 'usr/sbin').glob('mailramp*'))
        self.assertEqual(added, ['mailramp', 'mailramp-sendmail'])
        self.assertFalse((BUILT.root / 'usr/bin/mailramp-sandbox').exists())
        self.assertTrue((BUILT.root / 'usr/share/doc/mailramp/LICENSE').is_file())

    def test_every_variable_of_the_examples_is_a_key(self):
        self.expect_known(compose()['services']['mailramp']['environment'])
        environment = pod_environment()
        self.expect_known(environment, environment['MAILRAMP_CLIENT_SECRET_FILE'])

    def test_every_variable_of_the_manual_is_a_key(self):
        blocks = [yaml.safe_load(block) for block in re.findall(r'(?ms)^```yaml\n(.*?)^```', MANUAL.read_text())]
        environments = [service['environment'] for block in blocks for service in block['services'].values()
                        if 'environment' in service]
        self.assertTrue(environments)
        for environment in environments:
            self.expect_known(environment)

    def test_a_misspelt_variable_is_refused_by_name(self):
        environment = compose()['services']['mailramp']['environment'] | {'MAILRAMP_HOST_NAME': 'x'}
        status, said, complaints = self.check(environment)
        self.assertEqual((status, said), (CONFIGURATION, ''))
        self.assertEqual(complaints, 'environment: MAILRAMP_HOST_NAME: there is no such variable; did you mean MAILRAMP_HOSTNAME?\n')

    def test_the_engine_is_given_all_that_the_build_takes(self):
        """The build configured from what .dockerignore lets through; the files that it will install are there."""
        given = image.context(self.folder / 'context')
        done = subprocess.run(['cmake', '--preset', 'release'], cwd=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        installed = re.findall(rf'"({re.escape(str(given))}/(?!build/)[^"]+)"', (given / 'build/release/cmake_install.cmake').read_text())
        self.assertIn(str(given / 'LICENSE'), installed)
        self.assertEqual([path for path in installed if not os.path.exists(path)], [])


class Running(Containers):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def test_mail_to_port_25_arrives_from_a_container_that_may_do_nothing(self):
        container = self.as_compose()
        service = compose()['services']['mailramp']
        self.assertEqual((service['cap_drop'], service['security_opt']), (['ALL'], ['no-new-privileges:true']))
        self.submit()
        message, = self.sandbox.wait_for_messages(1)
        self.assertTrue(message['content'].endswith(relay.HEAD + b'hello\r\n'))
        self.assertIn(b'by app.contoso.com', relay.field(message['content'], 'Received')[0])
        self.assertEqual(container.health(), (0, 'healthy: mail is taken\n'))
        self.expect_no_privilege(container)
        self.expect_read_only(container)
        self.expect_json_on_stdout(container)

    def expect_no_privilege(self, container):
        status = dict(re.findall(r'(?m)^(\w+):[ \t]*(.*)$', pathlib.Path(f'/proc/{container.pid()}/status').read_text()))
        self.assertEqual(status['NSpid'].split()[-1], '1')
        self.assertEqual((set(status['Uid'].split()), set(status['Gid'].split()), status['Groups'].strip()), ({str(USER)}, {str(USER)}, ''))
        for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status['NoNewPrivs'], '1')

    def expect_read_only(self, container):
        """All that it sees, but for its volume; and only there has it made anything."""
        refused = container.execute('touch', '/var/lib/file', '/tmp/file', '/run/file')
        self.assertEqual(refused.stderr.count('Read-only file system'), 3, refused.stderr)
        fields = [line.split() for line in pathlib.Path(f'/proc/{container.pid()}/mountinfo').read_text().splitlines()]
        # Mount point, options of the mount and of the file system, as the process sees them.
        writable = {mount[4] for mount in fields
                    if 'rw' in mount[5].split(',') and 'rw' in mount[mount.index('-') + 3].split(',')}
        devices = {f'/dev/{name}' for name in ('null', 'zero', 'full', 'random', 'urandom')}
        self.assertIn('/', {mount[4] for mount in fields})
        self.assertEqual(writable - devices, {VOLUME, '/proc'})
        self.assertEqual(sorted(path.name for path in self.volume.iterdir()), ['admin.sock', 'queue'])

    def expect_json_on_stdout(self, container):
        self.assertEqual(container.stderr(), '')
        lines = container.lines.all()
        self.assertGreater(len(lines), 5)
        self.assertEqual(len(container.events()), len(lines), lines)

    def test_the_end_waits_for_what_is_being_sent(self):
        container = self.as_compose()
        self.sandbox.fail('slow')
        self.submit()
        container.wait_for('upstream_state', to='ehlo')
        status, seconds = container.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, ENDS_WITHIN)
        self.assertEqual(len(self.sandbox.messages()), 1)
        self.assertEqual(container.events()[-1]['event'], 'stopped')

    def test_the_end_does_not_wait_for_a_server_that_hangs(self):
        container = self.as_compose()
        self.sandbox.fail('hang-mail')
        queue_id = self.submit()
        harness.eventually(lambda: self.sandbox.armed('hang-mail') and self.sandbox.state()['connections_now'] == 1, what='attempt')
        status, seconds = container.stop()
        self.assertEqual(status, 0)
        self.assertLess(seconds, ENDS_WITHIN)
        self.sandbox.clear()
        self.as_compose().wait_for('delivered', queue_id=queue_id)
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_the_queue_is_that_of_the_volume(self):
        """Through an end, and through what an engine does to who does not end: the next container has the mail."""
        self.sandbox.fail('451')
        container = self.as_compose()
        self.submit(b'number 1\r\n')
        container.wait_for('deferred')
        self.assertEqual(container.stop()[0], 0)
        container = self.as_compose()
        self.submit(b'number 2\r\n')
        os.kill(container.pid(), 9)
        container.wait()
        self.sandbox.clear()
        container = self.as_compose()
        bodies = [message['content'].rsplit(b'\r\n\r\n', 1)[1] for message in self.sandbox.wait_for_messages(2)]
        self.assertEqual(sorted(bodies), [b'number 1\r\n', b'number 2\r\n'])
        self.assertEqual(container.health(), (0, 'healthy: mail is taken\n'))

    def test_a_second_container_on_the_volume_is_refused(self):
        self.as_compose()
        second = self.as_compose(wait_until_ready=False, environment={'MAILRAMP_LISTEN': '127.0.0.1:2525'})
        self.assertEqual(second.wait(), 75)

    def test_a_container_that_hangs_is_unhealthy(self):
        container = self.as_compose()
        os.kill(container.pid(), 19)  # SIGSTOP
        status, words = container.health()
        self.assertEqual(status, 1)
        self.assertRegex(words, r'\Aunhealthy: .*\n\Z')

    def test_it_runs_as_kubernetes_has_it(self):
        """A volume of root that the group may write to; a secret of mode 0644 behind the links of a projected volume."""
        stateful_set, spec, container = pod()
        context = container['securityContext']
        self.assertEqual((context['readOnlyRootFilesystem'], context['allowPrivilegeEscalation'], context['capabilities']),
                         (True, False, {'drop': ['ALL']}))
        self.assertEqual(container['restartPolicy'], 'Always')
        self.assertEqual(int(next(entry['value'] for entry in spec['securityContext']['sysctls'] if entry['name'] == PORT_START)), 25)
        places = {mount['name']: mount['mountPath'] for mount in container['volumeMounts']}
        self.assertEqual({claim['metadata']['name'] for claim in stateful_set['spec']['volumeClaimTemplates']}, {'queue'})
        projected = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        projected.chmod(0o1777)
        version = projected / '..2026_01_01_00_00_00.123456789'
        version.mkdir()
        shutil.copy(self.secret_file(), version / 'client_secret')
        (version / 'client_secret').chmod(0o644)
        (projected / '..data').symlink_to(version.name)
        (projected / 'client_secret').symlink_to('..data/client_secret')
        volume = self.make_volume(0, 0o2775)
        running = self.run_container(pod_environment() | self.to_the_sandbox(),
                                     [image.Mount(volume, places['queue'], writable=True), image.Mount(projected, places['secret'])])
        self.submit()
        self.sandbox.wait_for_messages(1)
        self.assertEqual(running.health(), (0, 'healthy: mail is taken\n'))
        self.assertEqual(running.stop()[0], 0)

    def test_a_volume_that_was_given_to_the_group_is_closed_again(self):
        """fsGroup with the policy Always, and a volume restored from a backup: g+rwX and g+s on all that is in it."""
        self.sandbox.fail('451')
        first = self.as_compose()
        self.submit()
        first.wait_for('deferred')
        self.assertEqual(first.stop()[0], 0)
        for path in [self.volume, *self.volume.rglob('*')]:
            mode = path.stat().st_mode
            path.chmod(mode | (0o2070 if path.is_dir() else 0o060))
        self.sandbox.clear()
        second = self.as_compose()
        self.sandbox.wait_for_messages(1)
        self.assertEqual(len([event for event in second.events() if event['event'] == 'queue_folder_closed']), 2)
        self.assertEqual((self.volume / 'queue').stat().st_mode & 0o7777, 0o700)

    def test_the_network_of_compose_is_of_neither(self):
        """So that either may be restarted; and what has it stays, as the example has it."""
        services = compose()['services']
        self.assertEqual({services[name]['network_mode'] for name in ('app', 'mailramp')}, {'service:pod'})
        pod_service = services['pod']
        self.assertEqual(pod_service['tmpfs'], [VOLUME])
        self.assertEqual((pod_service['restart'], services['app']['restart']), ('unless-stopped', 'unless-stopped'))
        container = self.run_container({}, [image.Mount(self.volume, VOLUME)], wait_until_ready=False, command=pod_service['entrypoint'], entrypoint=[])
        harness.eventually(lambda: pathlib.Path(f'/proc/{container.pid()}/cmdline').read_bytes() == b'sleep\0infinity\0', what='sleep')
        self.assertIsNone(container.process.poll())


class Refused(Containers):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def refusal(self, **options):
        """What is said on standard error by one that does not start."""
        container = self.as_compose(wait_until_ready=False, **options)
        self.assertEqual(container.wait(), CONFIGURATION, container.lines.text())
        return container.stderr()

    def test_a_secret_below_run_secrets_may_be_open(self):
        for mode, owner in ((0o444, 0), (0o440, 0), (0o644, 0), (0o777, 0), (0o400, USER)):
            with self.subTest(oct(mode)):
                container = self.as_compose(secret=self.secret_file(mode, owner))
                container.wait_for('token_refreshed')
                self.assertEqual(container.stop()[0], 0)

    def test_a_secret_that_nobody_gave_to_the_user_names_the_remedy(self):
        self.assertIn('the daemon runs as user id 10025: where the secret comes from, chown it to this user',
                      self.refusal(secret=self.secret_file(0o400)))

    def test_an_open_secret_elsewhere_is_refused(self):
        service = compose()['services']['mailramp']['environment']
        for place in ('/run/secret/client_secret', '/run/secrets.d/client_secret', '/etc/mailramp/client_secret'):
            with self.subTest(place):
                environment = as_text(service) | self.to_the_sandbox() | {'MAILRAMP_CLIENT_SECRET_FILE': place}
                container = self.run_container(environment, [image.Mount(self.volume, VOLUME, writable=True),
                                                             image.Mount(self.secret_file(), place)], wait_until_ready=False)
                self.assertEqual(container.wait(), CONFIGURATION)
                self.assertIn(f'{place} is open to other users: its file system is read-only; in a container, mount it below '
                              '/run/secrets', container.stderr())

    def test_a_way_out_of_run_secrets_does_not_count(self):
        for way in ('link', '..'):
            with self.subTest(way):
                secret = self.secret_file()
                links = self.folder / 'links'
                links.mkdir(exist_ok=True)
                if way == 'link' and not (links / 'client_secret').is_symlink():
                    (links / 'client_secret').symlink_to('/etc/elsewhere/client_secret')
                path = '/run/secrets/more/client_secret' if way == 'link' else '/run/secrets/../../etc/elsewhere/client_secret'
                environment = as_text(compose()['services']['mailramp']['environment']) | self.to_the_sandbox()
                container = self.run_container(
                    environment | {'MAILRAMP_CLIENT_SECRET_FILE': path},
                    [image.Mount(self.volume, VOLUME, writable=True), image.Mount(links, '/run/secrets/more'),
                     image.Mount(secret, '/etc/elsewhere/client_secret')], wait_until_ready=False)
                self.assertEqual(container.wait(), CONFIGURATION)
                self.assertIn('is open to other users', container.stderr())

    def test_a_network_that_keeps_port_25_for_root_names_the_setting(self):
        sysctl(PORT_START, 1024)
        container = self.as_compose(wait_until_ready=False)
        self.assertEqual(container.wait(), 69)
        failed, = container.events('start_failed')
        self.assertIn('in a container, set the sysctl net.ipv4.ip_unprivileged_port_start of its network to 25', failed['message'])


harness.main(__name__)
