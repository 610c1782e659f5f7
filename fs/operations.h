/*
 * operations.h: the handlers, which run from their top as often as it takes (request.h), and the
 * calls that libfuse makes, where they are not in operations.c.
 */
#pragma once

#include "request.h"

void run_lookup(Request *request);
void run_getattr(Request *request);
void run_opendir(Request *request);
void run_readdir(Request *request);
void run_open(Request *request);
void run_read(Request *request);
void run_getxattr(Request *request);
void run_listxattr(Request *request);

/* run_open() of a file that is to be changed. */
void open_for_writing(Request *request);

/* change.c */
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned int flags);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t new_parent, const char *new_name);

/* write.c */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void op_write(fuse_req_t req, fuse_ino_t node, const char *bytes, size_t size, off_t offset,
              struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *fi);

/* sync.c */
void op_fsync(fuse_req_t req, fuse_ino_t node, int data_only, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t node, int data_only, struct fuse_file_info *fi);

/* setattr.c */
void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
                struct fuse_file_info *fi);

/* copy.c */
void op_copy_file_range(fuse_req_t req, fuse_ino_t source, off_t source_offset,
                        struct fuse_file_info *source_fi, fuse_ino_t node, off_t offset,
                        struct fuse_file_info *fi, size_t length, int flags);

/* xattr.c */
void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name, const char *value, size_t size,
                 int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);
