/*
 * cache-fixture.h: an account above a fake remote, and questions to it.
 *
 * An Ask stands where a request of the file system would: it asks, parks, is woken, asks again. At
 * each answer the fixture checks what must hold whatever the test is about: that the bytes read do
 * not go beyond the size that the layer above was told, that a short answer comes only at the known
 * end, and that whoever is woken is asked nothing twice.
 */
#pragma once

#include "fake-remote.h"

#include "imapfs/account.h"

#define KIB   G_GUINT64_CONSTANT(1024)
#define MIB   (KIB * KIB)
#define BLOCK ((guint64)REMOTE_BLOCK_SIZE)

typedef struct {
	FakeRemote *fake;
	Account *account;
	GString *gone; /* "name " for each entry_gone, in order */
	GString *came; /* the same for each entry_came */
	GString *changes; /* "new A/m1 " for each change told, in order; flags with those */
	char *cache;   /* folder that the account is kept in; NULL: it is not */
	guint n_gone;
	guint n_content_changes, n_access_changes;
	guint64 last_change; /* of those made by changes-fixture.h */
	guint64 last_gone_parent, last_gone_id;
	guint n_size_changes;
	GHashTable *told_sizes; /* message -> size, as the layer above knows it */
} Fixture;

/* @memory 0: plenty. */
Fixture *fixture_new(guint64 memory, const char *root);
/* One that is kept in a folder of its own, and one more mount of that. */
Fixture *fixture_new_kept(void);
void fixture_reopen(Fixture *fixture);
void fixture_free(Fixture *fixture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fixture, fixture_free)

typedef struct Ask Ask;
struct Ask {
	Waiter waiter;
	Fixture *fixture;
	CacheResult (*question)(Ask *ask, GError **error);

	guint32 mailbox;
	guint32 after_uid;
	char *name;
	guint64 ticket;
	guint64 id, offset;
	gsize length;

	gboolean answered;
	GError *error; /* the answer, if it is one */
	guint n_woken;
	guint32 uid;       /* of the message in the answer; 0: none */
	char *answer_name; /* its file name */
	guint64 size;      /* its size */
	GByteArray *bytes; /* read */
};

/* Each asks at once; the answer may be there when it returns. */
Ask *ask_listed(Fixture *fixture, guint64 ticket);
Ask *ask_synced(Fixture *fixture, guint32 mailbox, guint64 ticket);
Ask *ask_next(Fixture *fixture, guint32 mailbox, guint32 after_uid);
Ask *ask_lookup(Fixture *fixture, guint32 mailbox, const char *name);
Ask *ask_size(Fixture *fixture, guint64 id);
Ask *ask_read(Fixture *fixture, guint64 id, guint64 offset, gsize length);
void ask_free(Ask *ask);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ask, ask_free)

/* Steps until there is an answer; fails if there is none to come. */
void ask_wait(Ask *ask);

/* Fails unless the answer is this one, waiting for it. */
void ask_check_error(Ask *ask, ImapfsError code);
void ask_check_bytes(Ask *ask, const FakeMessage *message);
void ask_check_uid(Ask *ask, guint32 uid);

/* Steps until nothing is under way. */
void fixture_settle(Fixture *fixture);

/* Lists the account's mailboxes; fails if that fails. */
void fixture_list(Fixture *fixture);

/* The mailbox with this path of file names, or NULL. */
Mailbox *fixture_mailbox(Fixture *fixture, const char *path);
guint32 fixture_mailbox_id(Fixture *fixture, const char *path);

/* The file names of all below @mailbox: "A A/B INBOX", sorted. A new string. */
char *fixture_tree(const Mailbox *mailbox);

/* Opens the mailbox as the file system would and reads its list: "1:a.eml 2:b.eml". A new string.
 */
char *fixture_messages(Fixture *fixture, const char *path);

/* Lists the account and opens the mailbox; the id of message @uid in it. */
guint64 fixture_open(Fixture *fixture, const char *path, guint32 uid);

/* Fails unless the whole message is read as it is, by reads of @length bytes from front to back. */
void fixture_read_through(Fixture *fixture, guint64 id, const FakeMessage *message, gsize length);

/* Lets the clock that the cache sees go on. */
void fixture_pass_time(gint64 us);
