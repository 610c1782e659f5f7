/*
 * fuse-source.h: requests from the kernel, as a source of the main loop.
 */
#pragma once

#include <glib.h>

struct fuse_session;

typedef struct {
	void (*quiet)(gpointer data); /* no request waits now; called often, so it must be cheap */
	void (*ended)(gpointer data); /* once, when the file system is unmounted */
} FuseSourceEvents;

/* Attaches a source that reads the mounted @session's requests and has them handled. Free with
 * g_source_destroy() and g_source_unref(). */
GSource *fuse_source_new(struct fuse_session *session, const FuseSourceEvents *events,
                         gpointer data);
