/*
 * fake-change.h: what fake-changes.c and fake-details.c share: an operation that takes two steps.
 */
#pragma once

#include "fake-remote.h"

struct FakeChange {
	FakeRemote *fake;
	FakeKind kind;
	gboolean carried_out; /* or failed: the answer is next */
	GError *error;

	/* What was asked. */
	char *mailbox, *to, *flags;
	guint32 uidvalidity;
	GArray *uids;
	char sign;
	gboolean move;
	guint32 replaces;
	GBytes *content;
	guint64 unchanged_since;
	gboolean subscribed;
	union {
		const RemoteAppendHandler *append;
		const RemoteTransferHandler *transfer;
		const RemoteStoreHandler *store;
		const RemoteMailboxHandler *mailbox;
		const RemoteDoneHandler *done;
		const RemoteDetailsHandler *details;
		const RemoteTextHandler *text;
		const RemoteMetadataHandler *metadata;
		const RemoteBytesHandler *bytes;
		const RemoteQuotaHandler *quota;
	} handler;
	gpointer data;

	/* The answer. */
	GArray *pairs;         /* of uids, old and new */
	GArray *modified;      /* of guint32 */
	GString *text;         /* RIGHTS, ACL, METADATA_NAMES */
	GBytes *bytes;         /* METADATA */
	RemoteDetails details; /* flags is owned */
	guint32 to_uidvalidity;
	gboolean moved, replaced;
	gboolean breaks; /* the connection will, once it is carried out */
};

/* Puts it among what is under way. */
FakeChange *fake_change_new(Remote *remote, FakeKind kind, const char *mailbox, guint32 uidvalidity,
                            gconstpointer handler, gpointer data);

void fake_change_fail(FakeChange *change, ImapfsError code, const char *words);

/* The mailbox @name; NULL: the change has failed. */
FakeMailbox *fake_change_open(FakeChange *change, const char *name, guint32 uidvalidity);

/* --- fake-details.c --- */

/* FALSE: it is not of these kinds. */
gboolean fake_details_carry_out(FakeChange *change);
gboolean fake_details_answer(FakeChange *change);
void fake_details_fill(RemoteOperations *operations);
