/*
 * changes-fixture.h: changes of an account, as a program would make them: asked for anew whenever
 * they park, with the loop and the fake remote going on meanwhile.
 *
 * A path is that of mailboxes and a file name, "A/B/note.eml". What can fail returns DONE or an
 * ImapfsError.
 */
#pragma once

#include "cache-fixture.h"

#include "imapfs/change.h"

#define DONE (-1)

/* Mailboxes A (m1, m2, m3), B (n1), C (c1) and INBOX, listed and opened. */
Fixture *changes_fixture_new(void);
Fixture *changes_fixture_new_kept(void);

/* One turn of the loop, else one step of the remote, else a moment of sleep. */
void changes_turn(Fixture *fixture);

/* Until nothing is left to do here: what has been written down is committed, and has been sent or
 * waits. No step of the remote. */
void changes_commit(Fixture *fixture);

/* Turns, without a step of the remote, until an operation of @kind is under way there. */
void changes_await_kind(Fixture *fixture, FakeKind kind);
gboolean changes_has_kind(const Fixture *fixture, FakeKind kind);

int change_remove(Fixture *fixture, const char *path);
int change_rename(Fixture *fixture, const char *from, const char *to);
int change_rename_new(Fixture *fixture, const char *from, const char *to); /* no_replace */
int change_flags(Fixture *fixture, const char *path, char sign, const char *flags);
int change_make_mailbox(Fixture *fixture, const char *path);
int change_remove_mailbox(Fixture *fixture, const char *path);

/* A new draft, or the message there opened for writing; fails if that fails. */
guint64 change_create(Fixture *fixture, const char *path);
guint64 change_open(Fixture *fixture, const char *path, gboolean truncate);
int change_write(Fixture *fixture, guint64 draft, const char *text);
int change_deliver(Fixture *fixture, guint64 draft);
int change_copy(Fixture *fixture, guint64 draft, const char *source);

/* Fails unless each of these files of the mailbox can be read, and has some bytes. */
void changes_check_readable(Fixture *fixture, const char *path, const char *names);

/* All of that: a message with the file's name, up to its last dot, as its subject; new, or in place
 * of the one that is there. */
int change_save(Fixture *fixture, const char *path);

/* One change: "A/x>B/y" renames, "-A/x" removes, "+A/x" saves, "^A/x" makes a mailbox, "!A/x"
 * removes it. */
int changes_step(Fixture *fixture, const char *step);

/* What goes on between two changes. */
typedef enum { AT_ONCE, COMMITTED, SENT, CARRIED_OUT, OFFLINE, N_PACES } ChangePace;
#define N_PACES_ONLINE OFFLINE
extern const char *const change_pace_names[N_PACES];
void changes_go_on(Fixture *fixture, ChangePace pace);

/* What is there now under this name: 0: nothing. */
guint64 changes_id(Fixture *fixture, const char *path);

/* Until all that was changed has been carried out; an error, if something was refused since. */
int changes_finish(Fixture *fixture);

/* There is a connection again. */
void changes_go_online(Fixture *fixture);

/* As readdir does it: the messages, then what has no UID with a '+' before its name. A new string.
 */
char *changes_list(Fixture *fixture, const char *path);
void changes_check(Fixture *fixture, const char *path, const char *expected);

/* The same, sorted and without '+', and also that lookup agrees. */
void changes_check_names(Fixture *fixture, const char *path, const char *expected);

/* What the server has that is not \Deleted, sorted. */
void changes_check_server(Fixture *fixture, const char *mailbox, const char *expected);

/* Brings the mailbox up to date. */
void changes_refresh(Fixture *fixture, const char *path);
