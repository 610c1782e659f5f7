/*
 * fuzz-parser.c: any bytes as what a server sends.
 *
 * Every response goes through everything that interprets responses. Nothing may crash, and the same
 * bytes must mean the same however they are cut into chunks. A libFuzzer target; with fuzz-main.c
 * an ordinary test over a corpus.
 */
#include "parser-dump.h"

#include "response.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, size_t length);

static void
see_namespace(int kind, const char *prefix, char delimiter, gpointer data)
{
	(void)delimiter;
	(void)data;
	g_assert_true(kind >= 0 && kind <= 2 && strlen(prefix) <= IMAP_PARSER_MAX_LITERAL);
}

static void
see_labels(const ImapResponse *response, const ImapFetch *fetch)
{
	g_autoptr(GString) text = g_string_new(NULL);

	imap_labels_to_text(response, fetch, text);
	g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
}

static void
see_fetch(const ImapResponse *response)
{
	ImapFetch fetch;
	guint32 uid;
	guint64 origin;

	imap_fetch_literal(response, &uid, &origin);
	if (!imap_fetch_parse(response, &fetch, NULL))
		return;
	g_assert_true(!fetch.header || fetch.header[fetch.header_length] == '\0');
	g_assert_true(!fetch.body || fetch.body[fetch.body_length] == '\0');
	for (guint i = 0; fetch.has_flags && i < fetch.flags->len; i++)
		g_assert_cmpint(*(const char *)fetch.flags->pdata[i], !=, '\0');
	see_labels(response, &fetch);
	imap_fetch_clear(&fetch);
}

/* A set means the same after it was written and read again. */
static void
see_set(const UidSet *uids)
{
	g_autofree char *text = uid_set_to_string(uids);
	g_autoptr(UidSet) again = uid_set_new();

	if (text[0])
		g_assert_true(uid_set_parse(again, text, NULL));
	g_assert_cmpuint(uid_set_count(again), ==, uid_set_count(uids));
}

static void
see_numbers(const ImapResponse *response)
{
	g_autoptr(UidSet) uids = uid_set_new();
	g_autoptr(GError) error = NULL;
	gboolean earlier;
	const char *tag;

	if (!imap_search_parse(response, uids, &tag, &error))
		g_assert_nonnull(error);
	see_set(uids);
	imap_vanished_parse(response, uids, &earlier, NULL);
	see_set(uids);
}

static void
see_mailbox(const ImapResponse *response)
{
	ImapList list;
	ImapStatus status;

	if (imap_list_parse(response, &list, NULL))
		g_assert_nonnull(list.name);
	if (imap_status_parse(response, &status, NULL))
		g_assert_nonnull(status.name);
	imap_namespace_parse(response, see_namespace, NULL, NULL);
}

static void
see_rights(const char *identifier, const char *rights, gpointer data)
{
	(void)data;
	g_assert_true(identifier && imap_is_rights(rights));
}

static void
see_annotation(const ImapAnnotation *annotation, gpointer data)
{
	(void)data;
	g_assert_nonnull(annotation->entry);
	g_assert_false(annotation->value && annotation->too_long);
	g_assert_true(!annotation->value || annotation->value[annotation->length] == '\0');
}

static void
see_root(const char *root, gpointer data)
{
	(void)data;
	g_assert_nonnull(root);
}

static void
see_resource(const char *root, const char *resource, guint64 usage, guint64 limit, gpointer data)
{
	(void)data;
	g_assert_true(root && *resource && usage <= G_MAXINT64 && limit <= G_MAXINT64);
}

static void
see_details(const ImapResponse *response)
{
	const char *mailbox, *rights;

	if (imap_myrights_parse(response, &mailbox, &rights, NULL))
		g_assert_true(mailbox && imap_is_rights(rights));
	if (imap_acl_parse(response, &mailbox, see_rights, NULL, NULL))
		g_assert_nonnull(mailbox);
	if (imap_metadata_parse(response, &mailbox, see_annotation, NULL, NULL))
		g_assert_nonnull(mailbox);
	if (imap_quotaroot_parse(response, &mailbox, see_root, NULL, NULL))
		g_assert_nonnull(mailbox);
	imap_quota_parse(response, see_resource, NULL, NULL);
}

static void
see(const ImapResponse *response)
{
	const char *argument;

	imap_response_has_code(response, "UIDVALIDITY", &argument);
	g_autoptr(GError) error = imap_response_to_error(response, "FUZZ");
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
	see_fetch(response);
	see_numbers(response);
	see_mailbox(response);
	see_details(response);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, size_t length)
{
	const char *bytes = (const char *)data;
	g_autoptr(GRand) rand = g_rand_new_with_seed(length);
	g_autofree char *whole = parser_dump(bytes, length, length, NULL, see);
	g_autofree char *cut = parser_dump(bytes, length, 1, NULL, NULL);
	g_autofree char *random = parser_dump(bytes, length, MIN(length, 40), rand, NULL);

	g_assert_cmpstr(whole, ==, cut);
	g_assert_cmpstr(whole, ==, random);
	return 0;
}
