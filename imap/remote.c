/*
 * The Remote that speaks IMAP: the pool, and the table of its operations.
 */
#include <string.h>

#include "imapfs/imap.h"
#include "pool.h"
#include "remote-operations.h"
#include "tls.h"
#include "watcher.h"

typedef struct {
	Remote remote; /* first */
	ImapSettings settings;
	SSL_CTX *context;
	ImapPool *pool;
	Watcher *watcher;
	RemoteListMemory list_memory;
} ImapRemote;

static void
imap_list(Remote *remote, gboolean figures, const RemoteListHandler *handler, gpointer data)
{
	ImapRemote *self = (ImapRemote *)remote;

	remote_list(self->pool, figures, &self->list_memory, handler, data);
}

static void
imap_scan(Remote *remote, const RemoteScan *scan, const RemoteScanHandler *handler, gpointer data)
{
	remote_scan(((ImapRemote *)remote)->pool, scan, handler, data);
}

static void
imap_uids(Remote *remote, const char *mailbox, guint32 uidvalidity,
          const RemoteUidsHandler *handler, gpointer data)
{
	remote_uids(((ImapRemote *)remote)->pool, mailbox, uidvalidity, handler, data);
}

static void
imap_read(Remote *remote, const RemoteRead *read, const RemoteReadHandler *handler, gpointer data)
{
	remote_read(((ImapRemote *)remote)->pool, read, handler, data);
}

static void
imap_read_many(Remote *remote, const RemoteReadMany *read, const RemoteReadManyHandler *handler,
               gpointer data)
{
	remote_read_many(((ImapRemote *)remote)->pool, read, handler, data);
}

static void
imap_status(Remote *remote, GString *text)
{
	ImapRemote *self = (ImapRemote *)remote;

	g_string_append_printf(text, "server: %s port %u\nuser: %s\n", self->settings.host,
	                       self->settings.port, self->settings.user);
	pool_status(self->pool, text);
	watcher_status(self->watcher, text);
}

static RemoteCapabilities
imap_capabilities(Remote *remote)
{
	return pool_capabilities(((ImapRemote *)remote)->pool);
}

static void
imap_append(Remote *remote, const RemoteAppend *append, const RemoteAppendHandler *handler,
            gpointer data)
{
	remote_append(((ImapRemote *)remote)->pool, append, handler, data);
}

static void
imap_transfer(Remote *remote, const RemoteTransfer *transfer, const RemoteTransferHandler *handler,
              gpointer data)
{
	remote_transfer(((ImapRemote *)remote)->pool, transfer, handler, data);
}

static void
imap_store(Remote *remote, const RemoteStore *store, const RemoteStoreHandler *handler,
           gpointer data)
{
	remote_store(((ImapRemote *)remote)->pool, store, handler, data);
}

static void
imap_expunge(Remote *remote, const RemoteExpunge *expunge, const RemoteDoneHandler *handler,
             gpointer data)
{
	remote_expunge(((ImapRemote *)remote)->pool, expunge, handler, data);
}

static char *
imap_mailbox_name(Remote *remote, const RemoteMailboxName *name, GError **error)
{
	(void)remote;
	return remote_mailbox_name(name, error);
}

static void
imap_create(Remote *remote, const RemoteMailboxName *name, const RemoteMailboxHandler *handler,
            gpointer data)
{
	remote_create(((ImapRemote *)remote)->pool, name, handler, data);
}

static void
imap_rename(Remote *remote, const char *mailbox, const RemoteMailboxName *name,
            const RemoteMailboxHandler *handler, gpointer data)
{
	remote_rename(((ImapRemote *)remote)->pool, mailbox, name, handler, data);
}

static void
imap_delete(Remote *remote, const char *mailbox, const RemoteDoneHandler *handler, gpointer data)
{
	remote_delete(((ImapRemote *)remote)->pool, mailbox, handler, data);
}

static void
imap_subscribe(Remote *remote, const char *mailbox, gboolean subscribed,
               const RemoteDoneHandler *handler, gpointer data)
{
	remote_subscribe(((ImapRemote *)remote)->pool, mailbox, subscribed, handler, data);
}

static void
imap_watch(Remote *remote, const char *const *mailboxes, const RemoteWatchHandler *handler,
           gpointer data)
{
	watcher_watch(((ImapRemote *)remote)->watcher, mailboxes, handler, data);
}

static gboolean
imap_watches(Remote *remote, const char *mailbox)
{
	return watcher_watches(((ImapRemote *)remote)->watcher, mailbox);
}

static void
imap_details(Remote *remote, const RemoteMessageId *message, const RemoteDetailsHandler *handler,
             gpointer data)
{
	remote_details(((ImapRemote *)remote)->pool, message, handler, data);
}

static void
imap_rights(Remote *remote, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	remote_rights(((ImapRemote *)remote)->pool, mailbox, handler, data);
}

static void
imap_acl(Remote *remote, const char *mailbox, const RemoteTextHandler *handler, gpointer data)
{
	remote_acl(((ImapRemote *)remote)->pool, mailbox, handler, data);
}

static void
imap_set_acl(Remote *remote, const char *mailbox, const char *identifier, const char *rights,
             const RemoteDoneHandler *handler, gpointer data)
{
	remote_set_acl(((ImapRemote *)remote)->pool, mailbox, identifier, rights, handler, data);
}

static void
imap_metadata(Remote *remote, const char *mailbox, const char *entry,
              const RemoteBytesHandler *handler, gpointer data)
{
	remote_metadata(((ImapRemote *)remote)->pool, mailbox, entry, handler, data);
}

static void
imap_all_metadata(Remote *remote, const char *mailbox, const RemoteMetadataHandler *handler,
                  gpointer data)
{
	remote_all_metadata(((ImapRemote *)remote)->pool, mailbox, handler, data);
}

static void
imap_set_metadata(Remote *remote, const char *mailbox, const char *entry, GBytes *value,
                  const RemoteDoneHandler *handler, gpointer data)
{
	remote_set_metadata(((ImapRemote *)remote)->pool, mailbox, entry, value, handler, data);
}

static void
imap_quota(Remote *remote, const char *mailbox, const RemoteQuotaHandler *handler, gpointer data)
{
	remote_quota(((ImapRemote *)remote)->pool, mailbox, handler, data);
}

static const RemoteOperations operations = {
	.list = imap_list,
	.scan = imap_scan,
	.uids = imap_uids,
	.read = imap_read,
	.read_many = imap_read_many,
	.status = imap_status,
	.capabilities = imap_capabilities,
	.append = imap_append,
	.transfer = imap_transfer,
	.store = imap_store,
	.expunge = imap_expunge,
	.mailbox_name = imap_mailbox_name,
	.create = imap_create,
	.rename = imap_rename,
	.delete = imap_delete,
	.subscribe = imap_subscribe,
	.watch = imap_watch,
	.watches = imap_watches,
	.details = imap_details,
	.rights = imap_rights,
	.acl = imap_acl,
	.set_acl = imap_set_acl,
	.metadata = imap_metadata,
	.all_metadata = imap_all_metadata,
	.set_metadata = imap_set_metadata,
	.quota = imap_quota,
};

static void
settings_clear(ImapSettings *settings)
{
	explicit_bzero(settings->password, strlen(settings->password));
	g_free(settings->password);
	g_free(settings->host);
	g_free(settings->user);
	g_free(settings->ca_file);
}

Remote *
imap_remote_new(ImapSettings *settings, GError **error)
{
	SSL_CTX *context = tls_context_new(settings->ca_file, error);
	ImapRemote *self;

	if (!context) {
		settings_clear(settings);
		return NULL;
	}
	self = g_new0(ImapRemote, 1);
	self->remote.operations = &operations;
	self->settings = *settings;
	*settings = (ImapSettings){0};
	self->context = context;
	self->pool = pool_new(&self->settings, context);
	self->watcher = watcher_new(self->pool, &self->settings, context, &watcher_times);
	return &self->remote;
}

void
imap_remote_free(Remote *remote)
{
	ImapRemote *self = (ImapRemote *)remote;

	watcher_free(self->watcher);
	pool_free(self->pool);
	SSL_CTX_free(self->context);
	settings_clear(&self->settings);
	g_free(self);
}

void
imap_remote_connect(Remote *remote, void (*connected)(const GError *error, gpointer data),
                    gpointer data)
{
	pool_start(((ImapRemote *)remote)->pool, connected, data);
}
