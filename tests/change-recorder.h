/*
 * change-recorder.h: the operations of a Remote that change the account, recorded as those of
 * remote-recorder.h are: "done 7/12; " or "done 7/12 replaced; " (append), "5 as 15; moved 9; ",
 * "copied 0; ", "modified 5;
 * ", "done; ", "done name; ".
 */
#pragma once

#include "remote-recorder.h"

Record *record_append(RemoteFixture *fixture, const RemoteAppend *append);
Record *record_transfer(RemoteFixture *fixture, const RemoteTransfer *transfer);
Record *record_store(RemoteFixture *fixture, const RemoteStore *store);
Record *record_expunge(RemoteFixture *fixture, const RemoteExpunge *expunge);
Record *record_create(RemoteFixture *fixture, const RemoteMailboxName *name);
Record *record_rename(RemoteFixture *fixture, const char *mailbox, const RemoteMailboxName *name);
Record *record_delete(RemoteFixture *fixture, const char *mailbox);
Record *record_subscribe(RemoteFixture *fixture, const char *mailbox, gboolean subscribed);

/* What a script begins with: the greeting of a server with LITERAL+ and UIDPLUS, SELECT, and its
 * answer. A change waits for that behind a NOOP. */
#define WRITE_HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ UIDPLUS MOVE CONDSTORE] hello"
#define BARE_HELLO  "S: * PREAUTH [CAPABILITY IMAP4rev1] hello"
#define SELECT_BOX  "C: a SELECT \"box\"", "C: n NOOP"
#define BOX_OPENED                                                                                 \
	"S: * 2 EXISTS", "S: * OK [UIDVALIDITY 7] ok", "S: $a OK [READ-WRITE] done", "S: $n OK"
#define OPEN_BOX SELECT_BOX, BOX_OPENED
