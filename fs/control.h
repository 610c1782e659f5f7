/*
 * control.h: .imapfs, the directory of files that are not mail.
 *
 * It is found by lookup and not listed, so that grep -r and find do not stumble over it. A file in
 * it is made when it is looked up: each lookup gives a new node with the text of that moment, which
 * stays the same for whoever has it open, and goes when the kernel forgets the node.
 */
#pragma once

#include "request.h"

#define CONTROL_NAME ".imapfs"

/* The answer to a lookup of .imapfs itself, or of @name in it. */
void control_lookup_directory(Request *request);
void control_lookup_file(Request *request);

void control_getattr(Request *request);
void control_readdir(Request *request);

/* The bytes of a control file, NULL if @node is none that is looked up. */
GBytes *control_bytes(const FileSystem *fs, fuse_ino_t node);

/* The kernel forgot @node @n times. */
void control_forget(FileSystem *fs, fuse_ino_t node);
