#!/usr/bin/python3
"""Counts what `meson test` did: count-results.py BUILD-DIRECTORY EXIT-STATUS-OF-MESON

Prints 'DIRECTORY: N passed, N failed, N skipped'. A test program that speaks TAP counts as the tests inside it. One
that fails as a whole (time limit, crash, bad exit status) although none inside it does counts as a failure more.
"""

import json
import pathlib
import re
import sys

GOOD = ('OK', 'EXPECTEDFAIL')


def count_program(result, output):
    """(passed, failed, skipped) of one test program; meson calls its result OK, FAIL, SKIP, TIMEOUT ..."""
    lines = re.findall(r'(?m)^(ok|not ok) \d+(.*)', output)
    if not lines:
        return result in GOOD, result not in (*GOOD, 'SKIP'), result == 'SKIP'
    skipped = sum('# SKIP' in rest.upper() for _, rest in lines)
    failed = sum(word == 'not ok' for word, _ in lines)
    passed = len(lines) - skipped - failed
    if failed == 0 and result not in (*GOOD, 'SKIP'):
        failed = 1
    return passed, failed, skipped


def main():
    directory, status = sys.argv[1], int(sys.argv[2])
    passed = failed = skipped = 0
    log = pathlib.Path(directory, 'meson-logs/testlog.json')
    for line in log.read_text().splitlines() if log.exists() else []:
        program = json.loads(line)
        counts = count_program(program['result'], program['stdout'])
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    if status != 0 and failed == 0:
        failed = 1
    print(f'{directory}: {passed} passed, {failed} failed, {skipped} skipped')


if __name__ == '__main__':
    main()
