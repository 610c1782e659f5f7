/*
 * remote-recorder.h: the operations of a Remote against a scripted server, and what they tell as
 * one line of text.
 */
#pragma once

#include "imapfs/imap.h"
#include "scripted-server.h"

/* What one operation told: "opened 7; 5 size 100 date 0 [\\Seen]; done 3 next 9; ", "block 0+1000;
 * done 1000; ", "error OFFLINE; ". Message bytes are compared with the sample message, which begins
 * at offset 0. */
typedef struct {
	const char *label;
	GString *log;
	GString *message; /* of the error at the end */
	guint n_batches;
	guint32 uidvalidity; /* at the end of a scan */
	gboolean done;
} Record;

Record *record_new(const char *label);
void record_free(Record *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Record, record_free)

/* For those who write handlers: the end, of which what went well has been written already; a call
 * has returned, before which nothing may be told; a done() that writes "done; ", and its handler.
 */
void record_end(Record *record, const GError *error);
Record *record_begun(Record *record);
void record_done(const GError *error, gpointer data);
extern const RemoteDoneHandler record_done_handler;

/* Waits for the end and compares. */
void record_check(Record *record, const char *expected);

typedef struct {
	const char *label;
	ScriptedServer *server;
	Remote *remote;
} RemoteFixture;

/* A server with @scripts (NULL behind the last) and a Remote in clear that has not connected yet.
 * @timeout_us and @n_connections: 0 for 5 seconds and one connection. */
RemoteFixture remote_fixture_new(const char *label, const char *const *const *scripts,
                                 guint n_connections, gint64 timeout_us);

/* The same with a Remote for a read-only mount, to whose server nobody may connect. */
RemoteFixture remote_fixture_new_read_only(const char *label);
void remote_fixture_free(RemoteFixture *fixture);

Record *record_list(RemoteFixture *fixture, gboolean figures);
Record *record_scan(RemoteFixture *fixture, const RemoteScan *scan);
Record *record_uids(RemoteFixture *fixture, const char *mailbox, guint32 uidvalidity);
Record *record_read(RemoteFixture *fixture, const RemoteRead *read);

/* The value of "@name: value" in the Remote's status; to be freed. */
char *remote_status_value(RemoteFixture *fixture, const char *name);

#define SCRIPTS(...) ((const char *const *const[]){__VA_ARGS__, NULL})
