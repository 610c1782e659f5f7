/*
 * remote-operations.h: the operations of a Remote (imapfs/remote.h), one file each.
 */
#pragma once

#include "imapfs/remote.h"
#include "operation.h"

/* Bytes of a message that is asked for whole, because it was thought to be small. */
#define REMOTE_MAX_WHOLE (256 * 1024 * 1024)

/* What a server turned out to be unable to do. */
typedef struct {
	gboolean no_extended; /* LIST ... RETURN, though announced */
	gboolean no_lsub;
} RemoteListMemory;

/* Lists the mailboxes; if @figures, asks for STATUS where LIST does not bring it. @memory is of the
 * same server. */
void remote_list(ImapPool *pool, gboolean figures, RemoteListMemory *memory,
                 const RemoteListHandler *handler, gpointer data);

void remote_scan(ImapPool *pool, const RemoteScan *scan, const RemoteScanHandler *handler,
                 gpointer data);

void remote_uids(ImapPool *pool, const char *mailbox, guint32 uidvalidity,
                 const RemoteUidsHandler *handler, gpointer data);

void remote_read(ImapPool *pool, const RemoteRead *read, const RemoteReadHandler *handler,
                 gpointer data);

void remote_read_many(ImapPool *pool, const RemoteReadMany *read,
                      const RemoteReadManyHandler *handler, gpointer data);

void remote_append(ImapPool *pool, const RemoteAppend *append, const RemoteAppendHandler *handler,
                   gpointer data);

void remote_transfer(ImapPool *pool, const RemoteTransfer *transfer,
                     const RemoteTransferHandler *handler, gpointer data);

void remote_store(ImapPool *pool, const RemoteStore *store, const RemoteStoreHandler *handler,
                  gpointer data);

void remote_expunge(ImapPool *pool, const RemoteExpunge *expunge, const RemoteDoneHandler *handler,
                    gpointer data);

char *remote_mailbox_name(const RemoteMailboxName *name, GError **error);

void remote_create(ImapPool *pool, const RemoteMailboxName *name,
                   const RemoteMailboxHandler *handler, gpointer data);

void remote_rename(ImapPool *pool, const char *mailbox, const RemoteMailboxName *name,
                   const RemoteMailboxHandler *handler, gpointer data);

void remote_delete(ImapPool *pool, const char *mailbox, const RemoteDoneHandler *handler,
                   gpointer data);

void remote_subscribe(ImapPool *pool, const char *mailbox, gboolean subscribed,
                      const RemoteDoneHandler *handler, gpointer data);

void remote_details(ImapPool *pool, const RemoteMessageId *message,
                    const RemoteDetailsHandler *handler, gpointer data);

void remote_rights(ImapPool *pool, const char *mailbox, const RemoteTextHandler *handler,
                   gpointer data);

void remote_acl(ImapPool *pool, const char *mailbox, const RemoteTextHandler *handler,
                gpointer data);

void remote_set_acl(ImapPool *pool, const char *mailbox, const char *identifier, const char *rights,
                    const RemoteDoneHandler *handler, gpointer data);

void remote_metadata(ImapPool *pool, const char *mailbox, const char *entry,
                     const RemoteBytesHandler *handler, gpointer data);

void remote_all_metadata(ImapPool *pool, const char *mailbox, const RemoteMetadataHandler *handler,
                         gpointer data);

void remote_set_metadata(ImapPool *pool, const char *mailbox, const char *entry, GBytes *value,
                         const RemoteDoneHandler *handler, gpointer data);

void remote_quota(ImapPool *pool, const char *mailbox, const RemoteQuotaHandler *handler,
                  gpointer data);
