/*
 * How much there is and how much there may be: GETQUOTAROOT (RFC 9208 4.1.2).
 *
 * QUOTAROOT names the roots of the mailbox, and a QUOTA for each brings the figures. What comes of
 * roots that it does not name, or of one without figures, is not told.
 */
#include "inquiry.h"
#include "remote-operations.h"

#define MAX_ROOTS     50
#define MAX_RESOURCES 200 /* of all roots */

typedef struct {
	char *root, *resource;
	guint64 usage, limit;
} Resource;

typedef struct {
	Inquiry inquiry;
	const RemoteQuotaHandler *handler;
	gpointer data;
	GHashTable *roots;    /* names */
	GPtrArray *resources; /* of Resource */
} Quota;

static void
resource_free(gpointer data)
{
	Resource *resource = data;

	g_free(resource->root);
	g_free(resource->resource);
	g_free(resource);
}

static void
quota_reset(Inquiry *inquiry)
{
	Quota *quota = (Quota *)inquiry;

	g_hash_table_remove_all(quota->roots);
	g_ptr_array_set_size(quota->resources, 0);
}

static void
on_root(const char *root, gpointer data)
{
	Quota *quota = data;

	if (g_hash_table_size(quota->roots) < MAX_ROOTS)
		g_hash_table_add(quota->roots, g_strdup(root));
}

static void
ignore_root(const char *root, gpointer data)
{
	(void)root, (void)data;
}

static gboolean
quota_take_roots(Quota *quota, const ImapResponse *response)
{
	const char *mailbox;

	if (!imap_quotaroot_parse(response, &mailbox, ignore_root, NULL, NULL) ||
	    !inquiry_is_about(&quota->inquiry, mailbox))
		return FALSE;
	quota->inquiry.answered = TRUE;
	imap_quotaroot_parse(response, &mailbox, on_root, quota, NULL);
	return TRUE;
}

static Resource *
quota_resource(Quota *quota, const char *root, const char *name)
{
	Resource *resource;

	for (guint i = 0; i < quota->resources->len; i++) {
		resource = quota->resources->pdata[i];
		if (g_str_equal(resource->root, root) && g_str_equal(resource->resource, name))
			return resource;
	}
	if (quota->resources->len >= MAX_RESOURCES)
		return NULL;
	resource = g_new0(Resource, 1);
	resource->root = g_strdup(root);
	resource->resource = g_strdup(name);
	g_ptr_array_add(quota->resources, resource);
	return resource;
}

/* May come before the QUOTAROOT. */
static void
on_resource(const char *root, const char *name, guint64 usage, guint64 limit, gpointer data)
{
	Resource *resource = quota_resource(data, root, name);

	if (!resource)
		return;
	resource->usage = usage;
	resource->limit = limit;
}

static gboolean
on_untagged(const ImapResponse *response, gpointer data)
{
	Quota *quota = data;

	if (g_str_equal(response->name, "QUOTAROOT"))
		return quota_take_roots(quota, response);
	return g_str_equal(response->name, "QUOTA") &&
	       imap_quota_parse(response, on_resource, quota, NULL);
}

static void
quota_tell(const Quota *quota)
{
	for (guint i = 0; i < quota->resources->len; i++) {
		const Resource *resource = quota->resources->pdata[i];
		g_autofree char *root = imap_printable(resource->root, -1);
		g_autofree char *name = imap_printable(resource->resource, -1);

		if (g_hash_table_contains(quota->roots, resource->root))
			quota->handler->resource(root, name, resource->usage, resource->limit,
			                         quota->data);
	}
}

static void
quota_finish(Operation *operation, const GError *error)
{
	Quota *quota = (Quota *)operation;

	if (!error)
		quota_tell(quota);
	quota->handler->done(error, quota->data);
	g_hash_table_unref(quota->roots);
	g_ptr_array_unref(quota->resources);
	inquiry_clear(&quota->inquiry);
	g_free(quota);
}

void
remote_quota(ImapPool *pool, const char *mailbox, const RemoteQuotaHandler *handler, gpointer data)
{
	static const InquiryKind kind = {
		.command = "GETQUOTAROOT",
		.handler = {.untagged = on_untagged, .overhears = TRUE, .done = inquiry_on_done},
		.reset = quota_reset,
		.is_offered = inquiry_offers_quota,
		.write = inquiry_write_name,
		.finish = quota_finish,
	};
	Quota *quota = g_new0(Quota, 1);

	quota->handler = handler;
	quota->data = data;
	quota->roots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	quota->resources = g_ptr_array_new_with_free_func(resource_free);
	inquiry_submit(&quota->inquiry, &kind, pool, mailbox);
}
