/*
 * Annotations of a mailbox or of the server: GETMETADATA and SETMETADATA (RFC 5464 4).
 *
 * No command lists the names of entries alone: the values come with them, and those that are not
 * long are told. What does not fit into the parser, it passes over itself. One value is asked for
 * with MAXSIZE, so that a long one is not even sent.
 *
 * All is repeated after a lost connection: setting a value twice is setting it once.
 */
#include "change.h"
#include "inquiry.h"
#include "remote-operations.h"

#include <string.h>

#define MAX_VALUE   IMAP_PARSER_MAX_LITERAL /* bytes */
#define MAX_ENTRIES 1000
#define MAX_ENTRY   900 /* bytes of a name */
#define MAX_QUOTED  500 /* bytes of a value that is sent without a literal */
#define MAX_KEPT    (64U << 10) /* bytes of a value that is told with the names ... */
#define MAX_ALL     (4U << 20)  /* ... and of all of them */

/* --- names of entries --- */

/* RFC 5464 3.2: no case, two roots, printable ASCII. */
static gboolean
is_entry(const char *name)
{
	gsize length = strlen(name);

	if (g_ascii_strncasecmp(name, "/private/", strlen("/private/")) != 0 &&
	    g_ascii_strncasecmp(name, "/shared/", strlen("/shared/")) != 0)
		return FALSE;
	if (length > MAX_ENTRY || name[length - 1] == '/' || strstr(name, "//"))
		return FALSE;
	for (const char *c = name; *c; c++)
		if (*c < 0x20 || *c > 0x7e || *c == '*' || *c == '%')
			return FALSE;
	return TRUE;
}

static gboolean
check_entry(const char *name, GError **error)
{
	g_autofree char *printable = NULL;

	if (is_entry(name))
		return TRUE;
	printable = imap_printable(name, -1);
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_USAGE, "\"%s\" cannot name an annotation",
	            printable);
	return FALSE;
}

/* --- one value --- */

typedef struct {
	Inquiry inquiry;
	const RemoteBytesHandler *handler;
	gpointer data;
	char *entry;
	GBytes *value;     /* or NULL */
	gboolean too_long; /* in an answer, perhaps one to somebody who asked for all entries */
} Value;

static void
value_reset(Inquiry *inquiry)
{
	Value *value = (Value *)inquiry;

	g_clear_pointer(&value->value, g_bytes_unref);
	value->too_long = FALSE;
}

static void
on_value_found(const ImapAnnotation *annotation, gpointer data)
{
	Value *value = data;

	if (g_ascii_strcasecmp(annotation->entry, value->entry) != 0)
		return;
	value->too_long |= annotation->too_long;
	if (annotation->too_long)
		return;
	g_clear_pointer(&value->value, g_bytes_unref);
	if (annotation->value)
		value->value = g_bytes_new(annotation->value, annotation->length);
}

static void
ignore_found(const ImapAnnotation *annotation, gpointer data)
{
	(void)annotation, (void)data;
}

/* TRUE if @response names the mailbox; what cannot be understood fails the inquiry. */
static gboolean
metadata_is_mine(Inquiry *inquiry, const ImapResponse *response)
{
	const char *mailbox;
	gboolean whole;

	if (!g_str_equal(response->name, "METADATA"))
		return FALSE;
	whole = imap_metadata_parse(response, &mailbox, ignore_found, NULL, NULL);
	if (!inquiry_is_about(inquiry, mailbox))
		return FALSE;
	if (!whole)
		inquiry_fail(inquiry, IMAPFS_ERROR_PROTOCOL, "an answer that makes no sense");
	return whole;
}

static gboolean
on_value(const ImapResponse *response, gpointer data)
{
	Value *value = data;
	const char *mailbox;

	return metadata_is_mine(&value->inquiry, response) &&
	       imap_metadata_parse(response, &mailbox, on_value_found, value, NULL);
}

static gboolean
is_about_long_entries(const ImapResponse *tagged)
{
	return imap_response_has_code(tagged, "METADATA LONGENTRIES", NULL);
}

/* A server may say NIL of an entry that is not there, or nothing. */
static void
on_value_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	Value *value = data;

	if (tagged && !error && !value->value && (value->too_long || is_about_long_entries(tagged)))
		inquiry_fail(&value->inquiry, IMAPFS_ERROR_TOO_BIG,
		             "a longer value than can be read");
	value->inquiry.answered = TRUE;
	inquiry_on_done(tagged, error, value);
}

static void
value_write(const Inquiry *inquiry, ImapCommand *command)
{
	command_text(command, "%s (MAXSIZE %d) ", inquiry->kind->command, MAX_VALUE);
	command_astring(command, inquiry->about);
	command_text(command, " ");
	command_astring(command, ((const Value *)inquiry)->entry);
}

static void
value_finish(Operation *operation, const GError *error)
{
	Value *value = (Value *)operation;

	value->handler->done(error ? NULL : value->value, error, value->data);
	value_reset(&value->inquiry);
	g_free(value->entry);
	inquiry_clear(&value->inquiry);
	g_free(value);
}

void
remote_metadata(ImapPool *pool, const char *mailbox, const char *entry,
                const RemoteBytesHandler *handler, gpointer data)
{
	static const InquiryKind kind = {
		.command = "GETMETADATA",
		.handler = {.untagged = on_value, .overhears = TRUE, .done = on_value_done},
		.reset = value_reset,
		.is_offered = inquiry_offers_metadata,
		.write = value_write,
		.finish = value_finish,
	};
	Value *value = g_new0(Value, 1);
	GError *error = NULL;

	value->handler = handler;
	value->data = data;
	value->entry = g_strdup(entry);
	if (check_entry(entry, &error))
		inquiry_submit(&value->inquiry, &kind, pool, mailbox);
	else
		inquiry_refuse(&value->inquiry, &kind, pool, error);
}

/* --- all of them --- */

typedef struct {
	Inquiry inquiry;
	const RemoteMetadataHandler *handler;
	gpointer data;
	GTree *entries; /* name -> GBytes, or NULL if it is too long */
	gsize n_bytes;  /* of all values */
} All;

static gint
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
	(void)data;
	return g_ascii_strcasecmp(a, b);
}

static void
free_value(gpointer value)
{
	if (value)
		g_bytes_unref(value);
}

static void
all_reset(Inquiry *inquiry)
{
	All *all = (All *)inquiry;

	g_clear_pointer(&all->entries, g_tree_unref);
	all->entries = g_tree_new_full(compare_names, NULL, g_free, free_value);
	all->n_bytes = 0;
}

static GBytes *
keep_value(All *all, const ImapAnnotation *annotation)
{
	if (!annotation->value || annotation->length > MAX_KEPT ||
	    all->n_bytes + annotation->length > MAX_ALL)
		return NULL;
	all->n_bytes += annotation->length;
	return g_bytes_new(annotation->value, annotation->length);
}

/* What has no value is not there. */
static void
on_entry_found(const ImapAnnotation *annotation, gpointer data)
{
	All *all = data;
	gboolean known = g_tree_lookup_extended(all->entries, annotation->entry, NULL, NULL);

	if (!(annotation->value || annotation->too_long) || !is_entry(annotation->entry))
		return;
	if (known || g_tree_nnodes(all->entries) < MAX_ENTRIES)
		g_tree_insert(all->entries, g_strdup(annotation->entry),
		              keep_value(all, annotation));
	else
		inquiry_fail(&all->inquiry, IMAPFS_ERROR_TOO_BIG, "too many entries");
}

static gboolean
on_all(const ImapResponse *response, gpointer data)
{
	All *all = data;
	const char *mailbox;

	return metadata_is_mine(&all->inquiry, response) &&
	       imap_metadata_parse(response, &mailbox, on_entry_found, all, NULL);
}

static void
on_all_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	All *all = data;

	all->inquiry.answered = TRUE; /* there may be none */
	inquiry_on_done(tagged, error, all);
}

static void
all_write(const Inquiry *inquiry, ImapCommand *command)
{
	command_text(command, "%s (DEPTH infinity) ", inquiry->kind->command);
	command_astring(command, inquiry->about);
	command_text(command, " (/private /shared)");
}

static gboolean
tell_entry(gpointer name, gpointer value, gpointer data)
{
	const All *all = data;

	all->handler->entry(name, value, all->data);
	return FALSE;
}

static void
all_finish(Operation *operation, const GError *error)
{
	All *all = (All *)operation;

	if (!error)
		g_tree_foreach(all->entries, tell_entry, all);
	all->handler->done(error, all->data);
	g_clear_pointer(&all->entries, g_tree_unref);
	inquiry_clear(&all->inquiry);
	g_free(all);
}

void
remote_all_metadata(ImapPool *pool, const char *mailbox, const RemoteMetadataHandler *handler,
                    gpointer data)
{
	static const InquiryKind kind = {
		.command = "GETMETADATA",
		.handler = {.untagged = on_all, .overhears = TRUE, .done = on_all_done},
		.reset = all_reset,
		.is_offered = inquiry_offers_metadata,
		.write = all_write,
		.finish = all_finish,
	};
	All *all = g_new0(All, 1);

	all->handler = handler;
	all->data = data;
	inquiry_submit(&all->inquiry, &kind, pool, mailbox);
}

/* --- SETMETADATA --- */

typedef struct {
	Change change;
	const RemoteDoneHandler *handler;
	gpointer data;
	char *mailbox, *entry;
	GBytes *value; /* NULL: to be removed */
} SetMetadata;

static gboolean
is_binary(GBytes *value)
{
	gsize length = 0;
	const char *bytes = value ? g_bytes_get_data(value, &length) : NULL;

	return length && memchr(bytes, '\0', length);
}

/* Dovecot refuses NUL bytes with a code that means anything else that is not allowed. */
static void
on_set(const ImapResponse *tagged, const GError *error, gpointer data)
{
	SetMetadata *set = data;

	if (tagged && error && is_binary(set->value) &&
	    imap_response_has_code(tagged, "CANNOT", NULL))
		operation_fail_run(
			&set->change.operation,
			g_error_new_literal(IMAPFS_ERROR, IMAPFS_ERROR_USAGE, error->message));
	operation_command_done(&set->change.operation, tagged, error);
}

static const ImapCommandHandler set_handler = {.done = on_set};

/* Short text needs no literal, for which some servers must be asked first. */
static void
write_value(ImapCommand *command, GBytes *value)
{
	gsize length;
	const char *bytes = g_bytes_get_data(value, &length);
	gboolean binary = is_binary(value);

	if (binary || length > MAX_QUOTED) {
		command_content(command, value, binary);
	} else {
		g_autofree char *text = g_strndup(length ? bytes : "", length);

		command_astring(command, text);
	}
}

/* METADATA is to bring literal8 with it (RFC 5464 5), but a server that knows no BINARY may take
 * what follows one for commands. */
static gboolean
set_check_session(SetMetadata *set)
{
	Operation *operation = &set->change.operation;

	if (!operation_check_offer(operation,
	                           inquiry_offers_metadata(operation->session, set->mailbox),
	                           "SETMETADATA"))
		return FALSE;
	if (!is_binary(set->value) || session_has_capability(operation->session, "BINARY"))
		return TRUE;
	operation_fail_run(operation, g_error_new(IMAPFS_ERROR, IMAPFS_ERROR_USAGE,
	                                          "SETMETADATA: the server takes no NUL bytes"));
	return FALSE;
}

static void
set_start(Change *change)
{
	SetMetadata *set = (SetMetadata *)change;
	ImapCommand *command;

	if (!set_check_session(set))
		return;
	command = command_new("SETMETADATA", &set_handler, change);
	command_text(command, "SETMETADATA ");
	command_astring(command, set->mailbox);
	command_text(command, " (");
	command_astring(command, set->entry);
	command_text(command, " ");
	if (set->value)
		write_value(command, set->value);
	else
		command_text(command, "NIL");
	command_text(command, ")");
	operation_send(&change->operation, command);
}

static void
set_finish(Operation *operation, const GError *error)
{
	SetMetadata *set = (SetMetadata *)operation;

	set->handler->done(error, set->data);
	change_clear(&set->change);
	g_free(set->mailbox);
	g_free(set->entry);
	g_clear_pointer(&set->value, g_bytes_unref);
	g_free(set);
}

/* What could not be read again is not written. */
static gboolean
check_value(GBytes *value, GError **error)
{
	if (!value || g_bytes_get_size(value) <= MAX_VALUE)
		return TRUE;
	g_set_error(error, IMAPFS_ERROR, IMAPFS_ERROR_TOO_BIG, "SETMETADATA: over %d bytes",
	            MAX_VALUE);
	return FALSE;
}

void
remote_set_metadata(ImapPool *pool, const char *mailbox, const char *entry, GBytes *value,
                    const RemoteDoneHandler *handler, gpointer data)
{
	SetMetadata *set = g_new0(SetMetadata, 1);
	GError *error = NULL;

	set->handler = handler;
	set->data = data;
	set->mailbox = g_strdup(mailbox);
	set->entry = g_strdup(entry);
	set->value = value ? g_bytes_ref(value) : NULL;
	set->change.start = set_start;
	set->change.operation.finish = set_finish;
	if (check_entry(entry, &error) && check_value(value, &error))
		change_submit(&set->change, pool, NULL, 0);
	else
		change_refuse(&set->change, pool, error);
}
