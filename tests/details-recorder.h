/*
 * details-recorder.h: what a Remote tells besides of messages and mailboxes, recorded as by
 * remote-recorder.h: "modseq 5 [\\Seen] email M1 thread T1 labels a|b; ", "text lrs; " (with '|'
 * between lines), "value x; " or "no value; ", "root STORAGE 1/10; done; ", "done; ".
 */
#pragma once

#include "remote-recorder.h"

Record *record_details(RemoteFixture *fixture, const char *mailbox, guint32 uidvalidity,
                       guint32 uid);
Record *record_rights(RemoteFixture *fixture, const char *mailbox);
Record *record_acl(RemoteFixture *fixture, const char *mailbox);
Record *record_set_acl(RemoteFixture *fixture, const char *mailbox, const char *identifier,
                       const char *rights);
Record *record_metadata(RemoteFixture *fixture, const char *mailbox, const char *entry);
Record *record_all_metadata(RemoteFixture *fixture, const char *mailbox);
Record *record_set_metadata(RemoteFixture *fixture, const char *mailbox, const char *entry,
                            GBytes *value);
Record *record_quota(RemoteFixture *fixture, const char *mailbox);
