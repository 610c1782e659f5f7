#!/usr/bin/python3
"""Measures imapfs beside its peers and the protocol's limit. Started by scripts/bench, which builds first.

Everything runs on this machine and on loopback, in a directory of its own under /tmp, and is ended and removed when
this ends, however it ends.
"""

import argparse
import contextlib
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = SOURCE / 'build-bench'
os.environ.setdefault('IMAPFS', str(BUILD / 'imapfs'))
os.environ.setdefault('PROXY', str(BUILD / 'tests' / 'proxy'))

import benchcallgrind  # noqa: E402
import benchlist  # noqa: E402
import benchmail  # noqa: E402
import benchpeers  # noqa: E402
import benchplot  # noqa: E402
import benchread  # noqa: E402
import benchtable  # noqa: E402
import mount  # noqa: E402
from benchlines import Bench  # noqa: E402
from benchrun import Samples, run_rounds, say  # noqa: E402

# Rounds, and seconds after which no further round is begun, of reading and of listing.
ROUNDS = {'0': (5, 100), '50': (5, 120), 'narrow': (3, 150)}
LISTING_ROUNDS = {'0': (3, 60), '50': (3, 70), 'narrow': (3, 70)}
QUICK_ROUNDS = {'0': (3, 8), '50': (3, 10), 'narrow': (3, 10)}


def parse_arguments():
    parser = argparse.ArgumentParser(prog='scripts/bench', description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true', help='a tenth of the mail; under two minutes; '
                                                             'figures go to build-bench/ instead of docs/')
    parser.add_argument('--callgrind', action='store_true', help='count instructions instead of seconds')
    parser.add_argument('--no-docs', action='store_true', help='leave docs/ alone, as with --quick')
    parser.add_argument('--only', choices=['reading', 'listing'], help='measure half of it; leaves docs/ alone')
    parser.add_argument('--verbose', action='store_true', help='say how long each step takes in all')
    parser.add_argument('--lines', default='0,50,narrow', help='which lines, as in 0,50')
    return parser.parse_args()


def end_by_signal(number, _frame):
    sys.exit(128 + number)


def machine():
    model = next((line.split(': ', 1)[1].strip() for line in open('/proc/cpuinfo') if line.startswith('model name')),
                 platform.machine())
    head = subprocess.run(['git', '-C', str(SOURCE), 'describe', '--always', '--dirty'], capture_output=True, text=True)
    return (f'{os.cpu_count()} cores of {model}, Linux {platform.release()}; {benchpeers.versions()}; '
            f'imapfs {head.stdout.strip() or "?"}, {time.strftime("%Y-%m-%d")}')


def measure(options, bench, samples):
    lines = [line for line in bench.lines if line.key in options.lines.split(',')]
    say(benchmail.describe(bench.sizes))
    direct = bench.lines[0]
    items = benchlist.asked_items(bench, direct)
    say(f'a listing asks for {items}')
    benchlist.warm_up_server(bench, direct, items)
    benchread.copy_mounted(bench, direct)
    benchlist.copy_names(bench, direct)
    passthrough, why = benchpeers.build_passthrough(bench.scratch)
    if not passthrough:
        say(f'passthrough_ll is skipped: {why}')
    for line in lines:
        if options.only != 'listing':
            say(f'{line.title}: reading')
            steps = benchread.Reading(bench, samples, line, passthrough).steps()
            run_rounds(samples, line.key, steps, *(QUICK_ROUNDS if options.quick else ROUNDS)[line.key],
                       options.verbose)
        if options.only != 'reading':
            say(f'{line.title}: listing')
            steps = benchlist.Listing(bench, samples, line, items).steps()
            run_rounds(samples, line.key, steps, *(QUICK_ROUNDS if options.quick else LISTING_ROUNDS)[line.key],
                       options.verbose)
    return items


def report(bench, samples, items):
    """The part of docs/performance.md between its markers."""
    settings = '\n\n'.join(f'`{name}`:\n\n```\n{text}\n```' for name, text in benchpeers.SETTINGS.items())
    return f'''Measured on {machine()}; load of the machine before: {bench.load:.1f}.

{benchmail.describe(bench.sizes)}. Seconds, median (minimum–maximum).

{benchtable.table(samples, bench)}

![the same as a plot](performance.svg)

### Targets

Ratios of medians within this run, and of minima in parentheses.

{benchtable.targets(samples, bench)}

### Settings

imapfs: `-o ca_file=...,password_file=...`, and what the row says. Its listings ask for `{items['subject']}`,
with `names=uid` for `{items['uid']}`; the limit asks for the same.

{settings}
'''


def replace_between(path, marker, text):
    """Puts text between '<!-- marker -->' and '<!-- end of marker -->' of a file."""
    begin, end = f'<!-- {marker} -->', f'<!-- end of {marker} -->'
    content = path.read_text()
    before, rest = content.split(begin, 1)
    after = rest.split(end, 1)[1]
    path.write_text(f'{before}{begin}\n{text.strip()}\n{end}{after}')


def publish(options, marker, text, plot=None):
    if options.quick or options.no_docs or options.only or options.lines != '0,50,narrow':
        (BUILD / f'{marker}.md').write_text(text)
        target = BUILD
    else:
        replace_between(SOURCE / 'docs/performance.md', marker, text)
        target = SOURCE / 'docs'
    if plot:
        (target / 'performance.svg').write_text(plot)
    print(text)
    say(f'written to {target}')


def run(options, scratch, stack):
    if options.callgrind:
        publish(options, 'callgrind', benchcallgrind.count(scratch, stack, options.quick))
        return
    say('making mail and starting the servers')
    load = os.getloadavg()[0]
    bench, samples = Bench(scratch, stack, options.quick), Samples()
    bench.load = load
    items = measure(options, bench, samples)
    heading = f'grep -r of {bench.n_messages:,} messages, ls of {bench.n_listed:,}: median, minimum to maximum'
    titles = {line.key: line.title for line in bench.lines}
    publish(options, 'figures', report(bench, samples, items), benchplot.Plot(samples, titles).draw(heading))


def main():
    options = parse_arguments()
    mount.require_fuse()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end_by_signal)
    began = time.monotonic()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix='imapfs-bench.', dir='/tmp'))
    scratch.chmod(0o711)  # the server runs as somebody else
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: [one.remove() for one in list(mount.live_mounts)])
            run(options, scratch, stack)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f'done in {time.monotonic() - began:.0f} s')


if __name__ == '__main__':
    main()
