"""Under systemd: what the manager is told, sockets and secrets from it, and the units themselves."""

import contextlib
import os
import re
import socket
import subprocess
import threading

import harness
import relay
import service_manager

SENDER, RECIPIENT, HEAD = relay.SENDER, relay.RECIPIENT, relay.HEAD
ACTIVATE = 'systemd-socket-activate'


class Managed(relay.Scenario):
    def manager(self, name=None):
        return self.started(service_manager.Manager(name or self.folder / 'notify'))


class Notifications(Managed):
    def test_ready_comes_when_clients_are_served_and_stopping_when_they_no_longer_are(self):
        manager = self.manager()
        self.start_sandbox()
        self.start_daemon(environment={'NOTIFY_SOCKET': manager.name})
        manager.wait_for(lambda fields: fields.get('READY') == '1', 'READY=1')
        names = [name for fields in manager.all() for name in fields]
        self.assertEqual(names[:3], ['STATUS', 'READY', 'STATUS'])
        self.assertIn(f'opening the queue in {self.folder / "queue"}', manager.statuses()[0])
        manager.wait_for_status(r'\Ataking mail; 0 messages queued\Z')
        self.assertEqual(self.daemon.stop(), 0)
        manager.wait_for(lambda fields: fields.get('STOPPING') == '1', 'STOPPING=1')
        self.assertEqual((manager.count('READY'), manager.count('STOPPING'), manager.count('WATCHDOG')), (1, 1, 0))

    def test_an_abstract_socket_is_told_what_is_queued_and_what_is_paused(self):
        manager = self.manager(f'@mailramp-test-{os.getpid()}')
        self.start_sandbox(faults=['535'])
        self.start_daemon(environment={'NOTIFY_SOCKET': manager.name})
        self.send()
        manager.wait_for_status(r'\Ataking mail; 1 message queued; paused: default \(see mailramp status\)\Z')
        self.sandbox.clear()
        self.assertEqual(self.mailramp('mailbox', 'resume', 'default', '--config', self.daemon.config).returncode, 0)
        manager.wait_for_status(r'\Ataking mail; 0 messages queued\Z', after=len(manager.all()))

    def test_a_queue_that_cannot_be_opened_is_never_ready(self):
        manager = self.manager()
        self.start_sandbox()
        first = self.start_daemon()
        second = self.started(harness.Daemon(first.config, {'NOTIFY_SOCKET': manager.name}, wait_until_ready=False))
        self.assertNotEqual(second.wait(), 0)
        manager.wait_for_status(r'\Acould not start: ')
        self.assertEqual(manager.count('READY'), 0)

    def test_a_manager_that_is_not_there_changes_nothing_for_mail(self):
        self.start_sandbox()
        self.start_daemon(environment={'NOTIFY_SOCKET': str(self.folder / 'nobody')})
        self.daemon.wait_for('notify_failed')
        self.send()
        self.sandbox.wait_for_messages(1)
        self.assertEqual(len(self.daemon.events('notify_failed')), 1)


class Watchdog(Managed):
    def test_it_is_fed_in_half_the_time_that_it_asks_for(self):
        manager = self.manager()
        self.start_sandbox()
        self.start_daemon(environment={'NOTIFY_SOCKET': manager.name, 'WATCHDOG_USEC': '200000'})
        harness.eventually(lambda: manager.count('WATCHDOG') >= 10, what='ten signs of life')
        # Not more often either: ten of them take nine pauses of 100 ms.
        first, tenth = manager.times('WATCHDOG')[0], manager.times('WATCHDOG')[9]
        self.assertGreater(tenth - first, 0.6)

    def test_one_that_watches_another_process_is_not_fed(self):
        manager = self.manager()
        self.start_sandbox()
        self.start_daemon(environment={'NOTIFY_SOCKET': manager.name, 'WATCHDOG_USEC': '2000', 'WATCHDOG_PID': '1'})
        manager.wait_for_status(r'0 messages queued')
        self.assertEqual(manager.count('WATCHDOG'), 0)

    def test_a_stalled_disk_is_told_and_does_not_stop_it(self):
        harness.require_root()
        service_manager.require('strace')
        manager = self.manager()
        self.start_sandbox()
        self.start_daemon(environment={'NOTIFY_SOCKET': manager.name, 'WATCHDOG_USEC': '200000'})
        with self.stalled_disk(), harness.RawClient(self.daemon.port, seconds=4 * harness.DEADLINE) as client:
            client.greet()
            client.begin(SENDER, [RECIPIENT])
            client.send(HEAD + b'patient\r\n.\r\n')
            manager.wait_for_status(r'\ANOT READY: the disk of the queue has not answered for \d+ s; ')
            self.daemon.wait_for('queue_stalled')
            signs = manager.count('WATCHDOG')
            harness.eventually(lambda: manager.count('WATCHDOG') >= signs + 10, what='signs of life during the stall')
            status = self.daemon.command('status')
            self.assertEqual(status['queue']['state'], 'stalled')
            shown = self.mailramp('status', '--config', self.daemon.config).stdout
            self.assertIn('New mail has to wait: the disk of the queue', ' '.join(shown.split()))
            self.release_disk()
            self.assertRegex(client.reply(), r'\A250 ')
        self.daemon.wait_for('queue_answers')
        manager.wait_for_status(r'\Ataking mail; ', after=len(manager.all()))
        self.sandbox.wait_for_messages(1)
        self.assertEqual(self.daemon.command('status')['queue']['state'], 'open')

    @contextlib.contextmanager
    def stalled_disk(self):
        """Syncs of the daemon hang until release_disk(): strace holds the thread that asks for one."""
        self.tracer = self.started(harness.Program(
            ['strace', '-f', '-p', self.daemon.process.pid, '-o', '/dev/null', '-e', 'trace=fdatasync,fsync',
             '-e', 'inject=fdatasync,fsync:delay_enter=600000000']))
        self.tracer.lines.wait(lambda line: 'attached' in line, harness.DEADLINE, 'attached strace')
        try:
            yield
        finally:
            self.release_disk()

    def release_disk(self):
        self.tracer.kill()


class Credential(Managed):
    def test_a_secret_from_a_credential_fetches_tokens(self):
        self.start_sandbox()
        folder = self.folder / 'credentials'
        folder.mkdir(mode=0o700)
        (folder / 'client_secret').write_text(self.sandbox.secret() + '\n')
        # As systemd 252 leaves it: the access list for the service's user shows as permissions of the group.
        (folder / 'client_secret').chmod(0o440)
        changes = {'client_secret': None, 'credentials': None}
        settings = relay.merged(relay.submitting(self.folder, self.sandbox), changes)
        settings['client_secret'] = {'credential': 'client_secret'}
        self.start_daemon(settings, environment={'CREDENTIALS_DIRECTORY': str(folder)})
        self.send()
        self.sandbox.wait_for_messages(1)
        checked = self.mailramp('config', 'check', self.daemon.config,
                                env=harness.environment_of_a_program({'CREDENTIALS_DIRECTORY': str(folder)}))
        self.assertEqual(checked.returncode, 0, checked.stderr)
        without = self.mailramp('config', 'check', self.daemon.config, env=harness.environment_of_a_program())
        self.assertNotEqual(without.returncode, 0)
        self.assertIn('LoadCredential=client_secret', without.stdout + without.stderr)


class Clients:
    """Programs that connect again and again, each with a message of its own, and never try twice."""

    def __init__(self, port, number):
        self.port, self.taken, self.refused, self.ungreeted = port, [], [], []
        self._lock, self._end = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(index,)) for index in range(number)]
        for thread in self._threads:
            thread.start()

    def _work(self, index):
        count = 0
        while not self._end.is_set():
            count += 1
            body = f'client {index} message {count}'
            try:
                client = harness.RawClient(self.port)
            except OSError as why:
                with self._lock:
                    self.refused.append(why)
                continue
            with client:
                self._talk(client, body)

    def _talk(self, client, body):
        try:
            greeting = client.reply()
            if not greeting.startswith('220'):
                with self._lock:
                    self.ungreeted.append(greeting)
                return
            client.expect('EHLO client.test', 250)
            if client.submit(SENDER, [RECIPIENT], HEAD + f'{body}\r\n.\r\n'.encode()).startswith('250'):
                with self._lock:
                    self.taken.append(body)
        except (AssertionError, OSError):
            # In the middle of a session a restart says 421, which is an answer; a message without 250 was not taken.
            pass

    def count(self):
        with self._lock:
            return len(self.taken)

    def stop(self):
        self._end.set()
        for thread in self._threads:
            thread.join(harness.DEADLINE)

    def logs(self):
        return f'taken {len(self.taken)}, refused {self.refused[:5]}, without greeting {self.ungreeted[:5]}'


class SocketActivation(Managed):
    def launch(self, listener, manager, config):
        """As systemd does it: the socket outlives the service, and is handed to each new process of it."""
        passed = relay.inherited(listener)
        passed['prefix'] += ['/usr/bin/' + ACTIVATE, f'--setenv=NOTIFY_SOCKET={manager.name}']
        return self.started(harness.Daemon(config, wait_until_ready=False, **passed))

    def test_two_restarts_under_load_refuse_nobody(self):
        service_manager.require(ACTIVATE)
        manager = self.manager()
        self.start_sandbox('--plain')
        config = self.write_config(relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            'upstream': {'host': '127.0.0.1', 'port': self.sandbox.smtp_port, 'tls': 'none', 'authentication': 'none',
                         'messages_per_minute_max': 0}})
        with socket.create_server(('127.0.0.1', 0), backlog=1024) as listener:
            self.daemon = self.launch(listener, manager, config)
            clients = self.started(Clients(listener.getsockname()[1], 8))
            for restart in range(3):
                harness.eventually(lambda: manager.count('READY') == restart + 1, what=f'READY number {restart + 1}')
                before = clients.count()
                harness.eventually(lambda: clients.count() >= before + 50, what='mail between two restarts')
                if restart < 2:
                    self.assertEqual(self.daemon.stop(), 0)
                    self.daemon = self.launch(listener, manager, config)
            clients.stop()
            self.daemon.wait_for('listening')
            self.assertEqual(manager.count('STOPPING'), 2)
            self.assertEqual((clients.refused, clients.ungreeted), ([], []))
            self.wait_until_queue_is_empty()
        arrived = [message['content'].rsplit(b'\r\n\r\n', 1)[1].decode().strip() for message in self.sandbox.messages()]
        self.assertEqual(set(clients.taken) - set(arrived), set())


class Units(Managed):
    FILES = ('etc/mailramp/mailramp.yaml', '{0}/bin/mailramp-sandbox', '{0}/sbin/mailramp', '{0}/sbin/mailramp-sendmail',
             '{0}/lib/systemd/system/mailramp.service', '{0}/lib/systemd/system/mailramp.socket',
             '{0}/lib/sysusers.d/mailramp.conf', '{0}/share/doc/mailramp/README.md', '{0}/share/doc/mailramp/CHANGELOG.md',
             '{0}/share/doc/mailramp/LICENSE', '{0}/share/doc/mailramp/mailramp.yaml',
             '{0}/share/doc/mailramp/docs/systemd.md')

    def install(self, prefix):
        root = self.folder / 'root'
        subprocess.run(['cmake', '--install', str(harness.build_dir()), '--prefix', prefix], check=True, timeout=harness.DEADLINE,
                       stdout=subprocess.PIPE, env=os.environ | {'DESTDIR': str(root)})
        return root

    def systemd(self, *words, **environment):
        service_manager.require(words[0])
        return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=harness.DEADLINE, env=os.environ | environment)

    def test_installing_puts_every_file_in_its_place_and_keeps_an_edited_configuration(self):
        for prefix in ('/usr', '/usr/local'):
            with self.subTest(prefix):
                root = self.install(prefix)
                for name in self.FILES:
                    self.assertTrue((root / name.format(prefix[1:])).is_file(), name)
                folders = {path.relative_to(root).parts[0] for path in root.rglob('*') if path.is_file()}
                self.assertEqual(folders, {'etc', 'usr'})
                unit = root / prefix[1:] / 'lib/systemd/system/mailramp.service'
                self.assertIn(('ExecStart', f'{prefix}/sbin/mailramp serve'), service_manager.settings_of(unit))
                if prefix == '/usr':
                    self.assertEqual(unit.read_text(), (service_manager.units() / 'mailramp.service').read_text())
                edited = root / 'etc/mailramp/mailramp.yaml'
                edited.write_text('# mine\n')
                self.install(prefix)
                self.assertEqual(edited.read_text(), '# mine\n')
                edited.unlink()

    def test_systemd_finds_nothing_wrong_with_the_installed_units(self):
        # Where the program really is, so that systemd finds it; the configuration stays out of this machine's /etc.
        root = self.install(str(self.folder / 'usr'))
        found = root / self.folder.relative_to('/') / 'usr'
        found.rename(self.folder / 'usr')
        units = self.folder / 'usr/lib/systemd/system'
        done = self.systemd('systemd-analyze', 'verify', '--man=no', 'mailramp.service', 'mailramp.socket',
                            SYSTEMD_UNIT_PATH=f'{units}:')
        mine = [line for line in done.stdout.splitlines() if 'mailramp' in line]
        self.assertEqual((done.returncode, mine), (0, []), done.stdout)
        # The guard of the test: a unit with a mistake is noticed.
        with open(units / 'mailramp.service', 'a', encoding='ascii') as unit:
            unit.write('[Service]\nProtectSytem=strict\n')
        done = self.systemd('systemd-analyze', 'verify', '--man=no', 'mailramp.service', SYSTEMD_UNIT_PATH=f'{units}:')
        self.assertIn('ProtectSytem', done.stdout)

    def test_the_exposure_is_one_and_a_half_or_better(self):
        done = self.systemd('systemd-analyze', 'security', '--offline=true', '--no-pager', '--threshold=15',
                            service_manager.units() / 'mailramp.service')
        overall = re.search(r'Overall exposure level for mailramp\.service: ([\d.]+)', done.stdout)
        self.assertTrue(overall, done.stdout)
        self.assertLessEqual(float(overall.group(1)), 1.5, done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_user_can_be_made(self):
        root = self.folder / 'root'
        (root / 'etc').mkdir(parents=True)
        done = self.systemd('systemd-sysusers', f'--root={root}', service_manager.units() / 'mailramp.sysusers')
        self.assertEqual(done.returncode, 0, done.stdout)
        users = [line.split(':') for line in (root / 'etc/passwd').read_text().splitlines()]
        self.assertEqual([(user[0], user[5], user[6]) for user in users], [('mailramp', '/var/lib/mailramp', '/usr/sbin/nologin')])

    def test_the_unit_names_the_folders_of_the_defaults(self):
        keys = self.mailramp('config', 'keys').stdout
        for key, place in (('queue.directory', '/var/lib/mailramp'), ('admin.socket', '/run/mailramp/admin.sock')):
            self.assertRegex(keys, rf'\| `{re.escape(key)}` \|[^|]*\| `{re.escape(place)}` \|')
        settings = dict(service_manager.settings_of(service_manager.units() / 'mailramp.service'))
        self.assertEqual((settings['StateDirectory'], settings['StateDirectoryMode']), ('mailramp', '0700'))
        self.assertEqual((settings['RuntimeDirectory'], settings['RuntimeDirectoryMode']), ('mailramp', '0750'))
        # Its end must fit: 9 s are the longest, see EndTimes in src/app/daemon.cpp.
        self.assertGreater(int(settings['TimeoutStopSec'].rstrip('s')), 10)

    def test_mail_goes_out_with_the_socket_families_of_the_unit(self):
        settings = dict(service_manager.settings_of(service_manager.units() / 'mailramp.service'))
        self.assertEqual(settings['RestrictAddressFamilies'].split(), ['AF_UNIX', 'AF_INET', 'AF_INET6'])
        self.start_sandbox()
        self.start_daemon(prefix=service_manager.without_netlink())
        self.send()
        self.sandbox.wait_for_messages(1)

    def test_no_system_call_of_a_whole_life_is_forbidden_by_the_unit(self):
        if harness.is_sanitized():
            return  # A sanitizer makes calls of its own; the other builds are what is installed.
        service_manager.require('strace')
        service_manager.require('systemd-analyze')
        trace = self.folder / 'trace'
        self.start_sandbox()
        self.start_daemon(prefix=['strace', '-f', '-qq', '-o', trace, '-e', 'signal=none'])
        self.send()
        self.send(content=HEAD + b'x' * 70 + b'\r\n' + (b'y' * 70 + b'\r\n') * 3000)
        self.sandbox.wait_for_messages(2)
        self.assertEqual(self.daemon.command('status')['queue']['messages'], 0)
        daemon = int(self.daemon.wait_for('ready')['pid'])
        os.kill(daemon, 15)
        self.daemon.wait()
        made = set(re.findall(r'^\d+ +(\w+)\(', trace.read_text(errors='replace'), re.MULTILINE))
        self.assertTrue({'fdatasync', 'sendto', 'prctl', 'accept4'} <= made, made)
        # MemoryDenyWriteExecute= refuses memory that is written and run, and making any runnable later.
        self.assertIsNone(re.search(r'mmap\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC', trace.read_text(errors='replace')))
        made.discard('fchown')  # of SQLite, as root only
        forbidden = made - service_manager.allowed_system_calls(service_manager.units() / 'mailramp.service')
        self.assertEqual(forbidden, set())


harness.main(__name__)
