"""The driver of the fuzz entries finds a planted fault, keeps the input that shows it, and is quiet without one."""

import os
import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = os.environ['FUZZ_PLANTED']


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


class Driver(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.seeds = self.folder / 'seeds'
        self.seeds.mkdir()
        self.current = self.folder / 'current'

    def test_finds_a_fault_by_mutation_and_keeps_its_input(self):
        (self.seeds / 'near').write_bytes(b'planted.fault')
        found = run(10000, self.current, self.seeds)
        self.assertNotEqual(found.returncode, 0)
        self.assertIn(b'nobody says it', found.stdout)
        self.assertIn(b'planted/fault', self.current.read_bytes())
        again = run(0, '/dev/null', self.current)
        self.assertIn(b'nobody says it', again.stdout)

    def test_tries_every_seed(self):
        (self.seeds / 'first').write_bytes(b'')
        (self.seeds / 'second').write_bytes(b'planted/fault')
        self.assertIn(b'nobody says it', run(0, self.current, self.seeds).stdout)

    def test_does_the_same_in_every_run(self):
        (self.seeds / 'near').write_bytes(b'planted.fault')
        kept = []
        for _ in range(2):
            run(10000, self.current, self.seeds)
            kept.append(self.current.read_bytes())
        self.assertEqual(kept[0], kept[1])

    def test_is_quiet_where_nothing_is_found(self):
        (self.seeds / 'far').write_bytes(b'x')
        quiet = run(200, self.current, self.seeds)
        self.assertEqual(quiet.returncode, 0, quiet.stdout)
        self.assertIn(b'1 seeds and 200 mutations', quiet.stdout)
        self.assertFalse(self.current.exists())

    def test_fails_without_seeds(self):
        self.assertNotEqual(run(10, self.current, self.seeds).returncode, 0)


if __name__ == '__main__':
    unittest.main()
