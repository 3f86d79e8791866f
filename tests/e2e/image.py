"""docker/Dockerfile without an engine: its steps followed in a root folder, and containers of what comes of it.

What an engine would download, the base image, is put together from packages: those that a minimal Debian has (priority
required), copied from this machine without their documents, in a few seconds. There `apt-get` notes what it is asked for, and
the same packages are copied with all that they depend on, and nothing else: a library that the list of the image lacks is
not there. With `debian`, a root made by debootstrap, all steps run as they stand, with the real apt-get and the compiler.

A container is a process in namespaces of its own for mounts, processes, names and IPC, in the network of whoever starts it,
as a sidecar is. Needs root; nothing is mounted outside of these namespaces.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time

import harness

SOURCE = pathlib.Path(os.environ['MAILRAMP_SOURCE_DIR'])
DOCKERFILE = SOURCE / 'docker' / 'Dockerfile'
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
# What debian:*-slim leaves out, and what takes the longest to copy.
NOT_COPIED = re.compile(r'/usr/share/(doc|man|locale|info|lintian|bug)/.*')
STEP_TIMEOUT = 1700


class Stage:
    def __init__(self, name, base):
        self.name, self.base, self.steps = name, base, []


def instructions(text):
    """(INSTRUCTION, the rest) in their order; comments are gone and continued lines are one."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith('#')]
    for line in re.sub(r'\\\n', ' ', '\n'.join(lines)).splitlines():
        if line.strip():
            word, rest = line.strip().split(None, 1)
            yield word.upper(), rest.strip()


def stages(text):
    """Those of a Dockerfile, with its ARGs as they are by default."""
    found, arguments = [], {}
    for word, rest in instructions(text):
        for name, value in arguments.items():
            rest = rest.replace('${%s}' % name, value)
        if word == 'FROM':
            base, _, name = re.fullmatch(r'(\S+)( AS (\S+))?', rest).groups()
            found.append(Stage(name, base))
        elif word == 'ARG' and not found:
            arguments |= dict([rest.split('=', 1)])
        else:
            found[-1].steps.append((word, rest))
    return found


class Image:
    """What the steps of a stage make: a root folder, and what containers of it start with."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.environment = {'PATH': PATH}
        self.user, self.volumes, self.entrypoint, self.command = '0:0', [], [], []
        self.healthcheck, self.stop_signal, self.workdir = None, 'SIGTERM', '/'

    def follow(self, stage, run, sources):
        """`run(shell command, image)` executes; `sources` are the roots that COPY takes from, by stage, None the context."""
        for word, rest in stage.steps:
            if word == 'RUN':
                run(rest, self)
            elif word == 'COPY':
                self._copy(rest, sources)
            elif word == 'WORKDIR':
                self.workdir = rest
                self.path(rest).mkdir(parents=True, exist_ok=True)
            elif word == 'ENV':
                self.environment |= dict(entry.split('=', 1) for entry in shlex.split(rest))
            elif word == 'USER':
                self.user = rest
            elif word == 'VOLUME':
                self.volumes.append(rest)
            elif word == 'STOPSIGNAL':
                self.stop_signal = rest
            elif word == 'HEALTHCHECK':
                self.healthcheck = words_of(rest[rest.index('CMD') + len('CMD'):])
            elif word == 'ENTRYPOINT':
                self.entrypoint = words_of(rest)
            elif word == 'CMD':
                self.command = words_of(rest)
            elif word != 'LABEL':
                raise AssertionError(f'{DOCKERFILE.name}: nobody has taught this test what {word} does')
        return self

    def path(self, inside):
        return self.root / os.path.normpath(f'{self.workdir}/{inside}' if not inside.startswith('/') else inside).lstrip('/')

    def _copy(self, rest, sources):
        words = rest.split()
        options = dict(word.removeprefix('--').split('=', 1) for word in words if word.startswith('--'))
        *names, target = [word for word in words if not word.startswith('--')]
        source_root = sources[options.pop('from', None)]
        if options:
            raise AssertionError(f'COPY with {options}')
        for name in names:
            source = source_root / name.strip('/')
            destination = self.path(target)
            if source.is_dir():
                shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)
            else:
                destination = destination / source.name if target.endswith('/') else destination
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, destination)


def words_of(exec_form):
    """["a", "b"]; the other form would put a shell in front, which signals do not get through."""
    words = re.findall(r'"([^"]*)"', exec_form)
    if exec_form.strip() != '[' + ', '.join(f'"{word}"' for word in words) + ']':
        raise AssertionError(f'not in the exec form: {exec_form}')
    return words


def context(target):
    """What the engine is given, by .dockerignore, which begins with nothing and lists the exceptions."""
    first, *exceptions = [line for line in (SOURCE / '.dockerignore').read_text().splitlines()
                          if line and not line.startswith('#')]
    if first != '*' or not all(re.fullmatch(r'!/[\w.-]+', line) for line in exceptions):
        raise AssertionError('.dockerignore is no longer what this test can read')
    target.mkdir()
    for line in exceptions:
        source = SOURCE / line[2:]
        if source.is_dir():
            shutil.copytree(source, target / source.name)
        else:
            shutil.copy2(source, target / source.name)
    return target


# ---- roots -------------------------------------------------------------------------------------------------


def run_in(root, command, environment, workdir='/'):
    """A shell command as root in there, with /proc and /dev."""
    script = ('root=$1; shift; mount --bind "$root" "$root"; mount -t proc proc "$root/proc"; '
              'mount --rbind /dev "$root/dev"; exec chroot "$root" env -i "$@"')
    variables = [f'{name}={value}' for name, value in environment.items()]
    done = subprocess.run(
        ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', '-eu', '-c', script, 'sh', str(root),
         *variables, 'sh', '-c', f'cd {workdir} && {command}'],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=STEP_TIMEOUT,
        check=False, preexec_fn=harness.die_with_parent)
    if done.returncode:
        raise AssertionError(f'RUN {command}\nended with {done.returncode}:\n{done.stdout[-4000:]}')
    return done.stdout


class Packages:
    """The packages of this machine, as something to install from."""

    def __init__(self):
        fields = r'${db:Status-Status}\t${Package}\t${Priority}\t${Pre-Depends}, ${Depends}\t${Provides}\n'
        self.depends, self.provided, self.required = {}, {}, []
        for line in _output(['dpkg-query', '--show', '--showformat', fields]).splitlines():
            status, name, priority, depends, provides = line.split('\t')
            if status != 'installed':
                continue
            self.depends[name] = [[_name(choice) for choice in group.split('|')] for group in depends.split(',') if group.strip()]
            for virtual in filter(None, map(_name, provides.split(','))):
                self.provided.setdefault(virtual, name)
            if priority == 'required':
                self.required.append(name)

    def closure(self, names):
        wanted, found = list(names), set()
        while wanted:
            name = wanted.pop()
            name = name if name in self.depends else self.provided.get(name)
            if name is None:
                raise harness.Unavailable(f'this machine lacks a package of the image: {", ".join(names)} want it')
            if name in found:
                continue
            found.add(name)
            for choices in self.depends[name]:
                have = [choice for choice in choices if choice in self.depends or choice in self.provided]
                wanted.append((have or choices)[0])
        return found

    def install(self, root, names):
        """With all that they depend on."""
        listed = _output(['dpkg', '--listfiles', *sorted(self.closure(names))]).splitlines()
        # /bin/sh is a file of /usr/bin, whatever the package calls it.
        places = {os.path.realpath(os.path.dirname(line)) + '/' + os.path.basename(line) for line in listed
                  if line.startswith('/') and line != '/.' and os.path.lexists(line)}
        files = sorted(place.lstrip('/') for place in places if not NOT_COPIED.fullmatch(place))
        archive = subprocess.Popen(['tar', '-C', '/', '--no-recursion', '-cf', '-', '-T', '-'], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        extract = subprocess.Popen(['tar', '-C', str(root), '--numeric-owner', '-xpf', '-'], stdin=archive.stdout)
        archive.stdout.close()
        archive.stdin.write('\n'.join(files).encode() + b'\n')
        archive.stdin.close()
        if archive.wait() or extract.wait():
            raise AssertionError(f'cannot copy the packages {" ".join(names)}')


def _name(relation):
    """"libc6:any (>= 2.36) " is libc6."""
    return re.split(r'[\s:(]', relation.strip(), maxsplit=1)[0]


def _output(command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


WANTED = 'var/lib/wanted-packages'
# Says what it was asked for; whoever runs the step copies that.
APT_GET = f'''#!/bin/sh
case $1 in
    update) ;;
    install) shift; for word in "$@"; do case $word in -*) ;; *) echo "$word" >>/{WANTED} ;; esac; done ;;
    *) echo "apt-get $1 is not known here" >&2; exit 1 ;;
esac
'''


def quick_base(root, packages):
    """As debian:*-slim has it, of the packages of this machine."""
    for name in ('bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'):
        if os.path.islink(f'/{name}'):
            (root / 'usr' / name).mkdir(parents=True)
            (root / name).symlink_to(f'usr/{name}')
    packages.install(root, packages.required)
    for folder in ('proc', 'sys', 'dev', 'run', 'tmp', 'usr/local/bin', 'var/lib/apt/lists', 'root'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    # What the packages' scripts would do.
    for name in ('passwd', 'group'):
        shutil.copy(root / f'usr/share/base-passwd/{name}.master', root / 'etc' / name)
    if not (root / 'usr/bin/sh').exists():
        (root / 'usr/bin/sh').symlink_to('dash')
    apt_get = root / 'usr/local/bin/apt-get'
    apt_get.write_text(APT_GET)
    apt_get.chmod(0o755)


def build_quickly(folder):
    """The last stage, of the programs of this build folder."""
    packages = Packages()
    staged = folder / 'build-stage' / 'stage'
    _stage_this_build(staged)

    def run(command, image):
        run_in(image.root, command, image.environment, image.workdir)
        wanted = image.root / WANTED
        if wanted.exists():
            packages.install(image.root, wanted.read_text().split())
            bundle = pathlib.Path('etc/ssl/certs/ca-certificates.crt')  # made by the script of its package
            shutil.copy(pathlib.Path('/') / bundle, image.root / bundle)
            wanted.unlink()

    quick_base(folder / 'root', packages)
    image = Image(folder / 'root').follow(stages(DOCKERFILE.read_text())[-1], run, {'build': folder / 'build-stage'})
    (image.root / 'usr/local/bin/apt-get').unlink()
    return image


def _stage_this_build(target):
    done = subprocess.run([str(SOURCE / 'dev'), 'stage', str(harness.build_dir()), str(target)], cwd=SOURCE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env=harness.environment_of_a_program())
    if done.returncode:
        raise AssertionError(f'./dev stage ended with {done.returncode}:\n{done.stdout}')


def build_entirely(folder):
    """All stages, each in a root of debootstrap. Takes as long as building mailramp."""
    built = {None: context(folder / 'context')}
    for number, stage in enumerate(stages(DOCKERFILE.read_text())):
        suite = re.fullmatch(r'debian:(\w+)-slim', stage.base).group(1)
        base = _output(['sh', str(SOURCE / 'tests/e2e/debian_root.sh'), '--base', suite]).strip()
        root = folder / f'root-{number}'
        root.mkdir()
        subprocess.run(['tar', '-C', str(root), '--numeric-owner', '-xpf', base], check=True)
        shutil.copy('/etc/resolv.conf', root / 'etc/resolv.conf')
        environment = {'DEBIAN_FRONTEND': 'noninteractive'}  # debconf asks an engine's RUN nothing either

        def run(command, image, extra=environment):
            run_in(image.root, command, image.environment | extra, image.workdir)

        image = Image(root).follow(stage, run, built)
        built[stage.name] = root
    return image


# ---- containers --------------------------------------------------------------------------------------------

# $1 root, $2 file with a line SOURCE TARGET MODE for each mount, $3 rw or ro; then the command.
IN_CONTAINER = '''
root=$1 mounts=$2 mode=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
while read -r source target how; do
    mount --bind "$source" "$root$target"
    [ "$how" = rw ] || mount -o remount,bind,ro "$root$target"
done <"$mounts"
[ "$mode" = rw ] || mount -o remount,bind,ro "$root"
mount -o remount,ro "$root/dev"
exec chroot "$root" "$@"
'''


class Mount:
    def __init__(self, source, target, writable=False):
        self.source, self.target, self.writable = pathlib.Path(source), target, writable


class Container(harness.Program):
    """A running one. `mounts` are those of its user; a volume of the image that is none of them is a bug of the test."""

    def __init__(self, image, folder, environment, mounts, read_only=True, command=None, entrypoint=None):
        self.image, self.folder = image, folder
        missing = [volume for volume in image.volumes if volume not in [mount.target for mount in mounts]]
        if missing:
            raise AssertionError(f'no volume for {missing}')
        self.environment = image.environment | {'HOSTNAME': '3f2a77c0ffee'} | environment
        table = folder / 'mounts'
        table.write_text(''.join(f'{mount.source} {mount.target} {"rw" if mount.writable else "ro"}\n' for mount in mounts))
        for mount in mounts:
            _make_mount_point(mount, image.root)
        script = f'exec 2>{folder}/stderr; hostname 3f2a77c0ffee; {IN_CONTAINER}'
        super().__init__(self._as_user([*(image.entrypoint if entrypoint is None else entrypoint),
                                        *(command or image.command)]), prefix=[
            'unshare', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child=KILL', 'sh', '-eu', '-c', script, 'sh',
            image.root, table, 'ro' if read_only else 'rw'])

    def _as_user(self, command):
        user, group = self.image.user.split(':')
        variables = [f'{name}={value}' for name, value in self.environment.items()]
        # The death signal is lost when the user changes.
        return ['setpriv', f'--reuid={user}', f'--regid={group}', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all',
                '--no-new-privs', '--pdeathsig=KILL', 'env', '-i', *variables, *command]

    def pid(self):
        """Of the container's first process, as this machine counts."""
        parent = self.process.pid

        def child():
            found = pathlib.Path(f'/proc/{parent}/task/{parent}/children').read_text().split()
            return int(found[0]) if found else None

        return harness.eventually(child, what='process of the container')

    def stderr(self):
        return (self.folder / 'stderr').read_text()

    def execute(self, *command, seconds=harness.DEADLINE):
        """`docker exec`: as the same user, in the same place."""
        # Its root, not the path to it: that is another one where this machine is a root of its own.
        inside = ['nsenter', f'--target={self.pid()}', '--mount', '--pid', '--ipc', '--uts', '--root', '--wd']
        return subprocess.run([*inside, *self._as_user(command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=seconds, check=False)

    def health(self):
        """What the engine finds when it asks: status and words."""
        done = self.execute(*self.image.healthcheck)
        return done.returncode, done.stdout + done.stderr

    def stop(self, seconds=harness.DEADLINE):
        """As the engine does it: exit status, and how long it took."""
        began = time.monotonic()
        os.kill(self.pid(), getattr(signal, self.image.stop_signal))
        return self.wait(seconds), time.monotonic() - began


def _make_mount_point(mount, root):
    point = root / mount.target.lstrip('/')
    if mount.source.is_dir():
        point.mkdir(parents=True, exist_ok=True)
    else:
        point.parent.mkdir(parents=True, exist_ok=True)
        point.touch()
