/*
 * news.h: what the kernel must hear of directories, as soon as it can be told.
 *
 * Called by filesystem.c with what the account tells, and by request.c. Nothing here waits or calls
 * back.
 */
#pragma once

#include "filesystem.h"

typedef struct News News;

News *news_new(FileSystem *fs);
void news_free(News *news);

/* Directory @directory has no entry @name (it was @child) any more. */
void news_entry_gone(News *news, fuse_ino_t directory, fuse_ino_t child, const char *name);

/* Directory @directory may have an entry @name, which the kernel may believe is not there. */
void news_entry_came(News *news, fuse_ino_t directory, const char *name);

/* What is in @directory is not what it was: whoever has it open, and begins to read it again, must
 * not be shown the kernel's copy. */
void news_listing_changed(News *news, fuse_ino_t directory);

/* A request has been answered during which the kernel held locks (request_hold()). */
void news_let_go(News *news);
