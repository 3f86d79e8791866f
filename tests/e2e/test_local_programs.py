"""The programs of a Debian machine, as their packages have them, with mailramp-sendmail as /usr/sbin/sendmail.

Each runs in a mount namespace where its package lies over this machine's files and in a network of its own, whose port 25
is the daemon's. None of them is told anything about mailramp.
"""

import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import harness
import relay

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'third_party'))

import packages  # noqa: E402

PROGRAMS = ('cron', 'bsd-mailx', 'php-cli', 'git-email', 'libmailtools-perl')
MAILBOX = b'relay@contoso.test'
OPS, SHOP = 'ops@example.test', 'shop@example.test'
HOST = 'web1'  # the name that the machine has in there

# What installing the packages would have done, besides unpacking them. The jobs of this machine are not to run.
PREPARE = f'''set -eu
hostname {HOST}
cp /state/mailramp-sendmail /usr/sbin/sendmail
ln -sf /usr/sbin/sendmail /usr/lib/sendmail
ln -sf bsd-mailx /usr/bin/mail
ln -sf "$(cd /usr/bin && ls -d php8.* | head -n 1)" /usr/bin/php
rm -rf /etc/cron.d /var/spool/cron /etc/crontab /etc/mailname
mkdir -p /etc/cron.d /var/spool/cron/crontabs
grep -q '^ada:' /etc/passwd || echo 'ada:x:4711:4711:Ada L.,,,:/tmp:/bin/sh' >>/etc/passwd
grep -q '^ada:' /etc/shadow || echo 'ada:*:19000:0:99999:7:::' >>/etc/shadow
export HOME=/root LC_ALL=C.UTF-8
'''

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


class Network:
    """Its own loopback and nothing else; `listener` listens on port 25 there."""

    def __init__(self):
        self.listener, self.descriptor, self._failure = None, None, None
        # A namespace is a thread's: this process stays where it is.
        thread = threading.Thread(target=self._make)
        thread.start()
        thread.join()
        if self._failure:
            raise self._failure

    def _make(self):
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), 'unshare')
            self.descriptor = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
            with socket.socket() as any_socket:
                fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', IFF_UP))
            self.listener = socket.create_server(('127.0.0.1', 25))
        except OSError as error:
            self._failure = error

    def close(self):
        if self.listener:
            self.listener.close()
        if self.descriptor is not None:
            os.close(self.descriptor)


class LocalPrograms(relay.Scenario):
    def setUp(self):
        super().setUp()
        harness.require_root()
        self.tree = packages.fetch('programs', *PROGRAMS)
        self.network = Network()
        self.addCleanup(self.network.close)
        self.start_sandbox('--send-as', 'mailbox')
        aliases = self.folder / 'aliases'
        aliases.write_text(f'# as Debian has it\npostmaster: root\nroot: {OPS}\nwww-data: {SHOP}, root\n')
        # By default a mailbox of Microsoft 365 sends in its own name only.
        self.start_daemon(changes={'senders': None, 'aliases_file': aliases, 'hostname': HOST, 'listen': ['127.0.0.1:25']},
                          **relay.inherited(self.network.listener))
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.state.chmod(0o755)
        self.folder.chmod(0o755)
        shutil.copy(os.environ['MAILRAMP_SENDMAIL'], self.state / 'mailramp-sendmail')

    def begin(self, script):
        """Runs a script in there, as root."""
        (self.state / 'run.sh').write_text(PREPARE + script)
        descriptor = self.network.descriptor
        process = subprocess.Popen(
            ['nsenter', f'--net=/proc/self/fd/{descriptor}', '--', 'unshare', '--uts', *packages.command_inside(self.tree, self.state)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(descriptor,),
            preexec_fn=harness.die_with_parent)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()

    def run_inside(self, script):
        process = self.begin(script)
        said = process.communicate(timeout=harness.DEADLINE)[0].decode(errors='replace')
        self.assertEqual(process.returncode, 0, said)
        return said

    def arrived(self, subject, recipients=(OPS,)):
        """What the server got under this subject: only one message, from the mailbox, for these."""

        def find():
            return [message for message in self.sandbox.messages() if subject in relay.field(message['content'], 'Subject')]

        found = harness.eventually(find, what=lambda: f'{subject!r} among {self.sandbox.messages()}')
        self.assertEqual(len(found), 1)
        message = found[0]
        self.assertEqual(message['sender'], MAILBOX.decode())
        self.assertEqual(sorted(message['to']), sorted(recipients))
        self.assertEqual([re.search(rb'<([^<>]*)>\Z', value).group(1) for value in relay.field(message['content'], 'From')], [MAILBOX])
        return message['content']

    def body(self, content):
        return content.split(b'\r\n\r\n', 1)[1]

    def test_cron_mails_what_its_jobs_say(self):
        process = self.begin('''
cat >/etc/crontab <<'END'
SHELL=/bin/sh
PATH=/usr/bin:/bin
@reboot root echo "disk is full"
@reboot www-data echo "order 1"
END
cat >/etc/cron.d/backup <<'END'
MAILTO=postmaster
@reboot root printf 'one\\n.\\nafter a dot\\n'
END
echo '@reboot echo "nobody reads this"; id -un' >/var/spool/cron/crontabs/ada
chmod 600 /var/spool/cron/crontabs/ada && chown 4711 /var/spool/cron/crontabs/ada
cron -f
''')
        content = self.arrived(b'Cron <root@web1> echo "disk is full"')
        self.assertEqual(self.body(content), b'disk is full\r\n')
        self.assertRegex(relay.field(content, 'From')[0], rb'\A"?[^<]*Cron Daemon')
        self.assertEqual(relay.field(content, 'To'), [b'root'])
        self.assertEqual(self.body(self.arrived(b'Cron <www-data@web1> echo "order 1"', (SHOP, OPS))), b'order 1\r\n')
        dotted = self.arrived(b"Cron <root@web1> printf 'one\\n.\\nafter a dot\\n'")
        self.assertEqual(self.body(dotted), b'one\r\n.\r\nafter a dot\r\n')
        # A user without an alias: the log says who, and what to do.
        refused = self.daemon.wait_for('recipient_refused', to='ada')
        self.assertIn('aliases: {ada: you@example.com}', refused['message'])
        self.assertIsNone(process.poll())
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.sandbox.messages()), 3)

    def test_mail(self):
        self.run_inside('''
printf 'load is 9\\n.\\nstill\\n' | mail -s "load" root
echo copy | mail -s "to two" -c postmaster www-data
echo "by name of the machine" | mail -s "with a domain" root@localhost
''')
        content = self.arrived(b'load')
        self.assertIn(b'load is 9\r\n', self.body(content))
        self.assertEqual(relay.field(content, 'To'), [b'root'])
        self.arrived(b'to two', (SHOP, OPS))
        self.arrived(b'with a domain')

    def test_php(self):
        (self.state / 'shop.php').write_text('''<?php
$good = mail("www-data", "Bestellung 7", "Danke\\n.\\nEnde",
             "From: Shop <shop@web1.localdomain>\\r\\nBcc: root\\r\\nX-Shop: 1");
$refused = mail("nobody-here", "x", "x");
exit($good && !$refused ? 0 : 1);
''')
        self.assertIn('aliases: {nobody-here: you@example.com}', self.run_inside('php /state/shop.php\n'))
        content = self.arrived(b'Bestellung 7', (SHOP, OPS))
        self.assertEqual(relay.field(content, 'From'), [b'Shop <' + MAILBOX + b'>'])
        self.assertEqual(relay.field(content, 'Bcc'), [])
        self.assertEqual(relay.field(content, 'Reply-To'), [])
        self.assertEqual(self.body(content), b'Danke\r\n.\r\nEnde\r\n')

    def test_git_send_email_by_sendmail_and_by_smtp(self):
        self.run_inside('''
mkdir /tmp/repository && cd /tmp/repository
git init -q . && git config user.name 'Ada Lovelace' && git config user.email ada@web1.fabrikam.com
for number in 1 2; do
    echo "$number" >file && git add file && git commit -q -m "change $number"
done
git format-patch -q -1 HEAD~1 && git format-patch -q -1 --start-number 2 HEAD
git send-email --quiet --confirm=never --suppress-cc=all --to=ops@example.test --cc=root 0001-*.patch
git send-email --quiet --confirm=never --suppress-cc=all --to=root@localhost.localdomain --smtp-server=127.0.0.1 0002-*.patch
''')
        for number in (1, 2):
            content = self.arrived(b'[PATCH] change %d' % number)
            self.assertEqual(relay.field(content, 'From'), [b'Ada Lovelace <' + MAILBOX + b'>'])
            self.assertEqual(relay.field(content, 'Reply-To'), [b'<ada@web1.fabrikam.com>'])
            self.assertIn(b'\r\n+%d\r\n' % number, content)

    def test_what_mdadm_and_smartd_write(self):
        self.run_inside('''
/usr/lib/sendmail -t <<'END'
From: mdadm monitoring <root>
To: root
Subject: DegradedArray event on /dev/md0:web1

This is an automatically generated mail message.

A DegradedArray event had been detected on md device /dev/md0.
END
''')
        content = self.arrived(b'DegradedArray event on /dev/md0:web1')
        self.assertEqual(relay.field(content, 'From'), [b'mdadm monitoring <' + MAILBOX + b'>'])


harness.main(__name__)
