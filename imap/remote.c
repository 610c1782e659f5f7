/*
 * The Remote that speaks IMAP: the pool, and the table of its operations.
 */
#include <string.h>

#include "imapfs/imap.h"
#include "pool.h"
#include "remote-operations.h"
#include "tls.h"

typedef struct {
	Remote remote; /* first */
	ImapSettings settings;
	SSL_CTX *context;
	ImapPool *pool;
	gboolean no_list_status;
} ImapRemote;

static void
imap_list(Remote *remote, gboolean figures, const RemoteListHandler *handler, gpointer data)
{
	ImapRemote *self = (ImapRemote *)remote;

	remote_list(self->pool, figures, &self->no_list_status, handler, data);
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
	return &self->remote;
}

void
imap_remote_free(Remote *remote)
{
	ImapRemote *self = (ImapRemote *)remote;

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
