/*
 * fuse-source.h: requests from the kernel, as a source of the main loop.
 */
#pragma once

#include <glib.h>

struct fuse_session;

/* Attaches a source that reads the mounted @session's requests and has them handled; @ended is
 * called once when the file system is unmounted. Free with g_source_destroy() and g_source_unref().
 */
GSource *fuse_source_new(struct fuse_session *session, void (*ended)(gpointer data), gpointer data);
