#!/usr/bin/python3
"""Holds the code to its layers: check-layers.py SOURCE-ROOT

A layer includes its own headers, those of include/imapfs/ that it may see, and nothing of another layer's.
fs/main.c, which builds the stack, may also see how a Remote is made.
"""

import pathlib
import re
import sys

# What each layer may include of include/imapfs/. The wider world is looked at through these only.
PUBLIC = {
    'imap': {'error.h', 'remote.h', 'imap.h'},
    'cache': {'error.h', 'remote.h', 'wait.h', 'account.h', 'attributes.h', 'change.h'},
    'fs': {'error.h', 'remote.h', 'wait.h', 'account.h', 'attributes.h', 'change.h'},
}
EXTRA = {'fs/main.c': {'imap.h'}}

# Libraries that belong to one layer.
FOREIGN = {
    'imap': re.compile(r'fuse|gmime|sqlite'),
    'cache': re.compile(r'fuse|gmime|openssl|gsasl|gio/'),
    'fs': re.compile(r'openssl|gsasl|sqlite'),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def faults(root, layer, path):
    name = f'{layer}/{path.name}'
    for bracket, header in INCLUDE.findall(path.read_text()):
        if bracket == '<':
            if FOREIGN[layer].search(header):
                yield f'{name} includes <{header}>, which is no business of {layer}/'
        elif header.startswith('imapfs/'):
            if header.removeprefix('imapfs/') not in PUBLIC[layer] | EXTRA.get(name, set()):
                yield f'{name} includes "{header}", which {layer}/ may not see'
        elif not (root / layer / header).exists():
            yield f'{name} includes "{header}", which is not a header of {layer}/'


def main():
    root = pathlib.Path(sys.argv[1])
    found = [fault for layer in PUBLIC for path in sorted((root / layer).glob('*.[ch]'))
             for fault in faults(root, layer, path)]
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
