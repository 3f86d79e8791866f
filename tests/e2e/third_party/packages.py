"""Programs of the distribution, unpacked into the build folder and never installed."""

import fcntl
import pathlib
import subprocess

import harness

HERE = pathlib.Path(__file__).parent


def fetch(name, *packages):
    """Their tree, for enter.sh; downloaded once for each build folder."""
    tree = harness.build_dir() / 'third-party' / name
    tree.parent.mkdir(exist_ok=True)
    with open(tree.with_suffix('.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(['sh', str(HERE / 'fetch.sh'), str(tree), *packages], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise harness.Unavailable(f'cannot download {", ".join(packages)}:\n{done.stdout}')
    return tree


def command_inside(tree, state):
    """Runs `state`/run.sh as root with the programs of `tree` in their places; what it changes elsewhere is forgotten."""
    return ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', str(HERE / 'enter.sh'), str(tree), str(state)]
