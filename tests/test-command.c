/*
 * test-command.c: how commands are put together, and what of them may be logged.
 */
#include "command.h"

#include <string.h>

static void
ignore_done(const ImapResponse *tagged, const GError *error, gpointer data)
{
	(void)tagged;
	(void)error;
	(void)data;
}

static const ImapCommandHandler handler = {.done = ignore_done};

/* The command as a log would show it, behind its tag. */
static char *
text_behind_tag(const ImapCommand *command)
{
	g_autofree char *text = command_to_text(command);

	g_assert_true(g_str_has_prefix(text, command->tag));
	g_assert_cmpint(text[strlen(command->tag)], ==, ' ');
	return g_strdup(text + strlen(command->tag) + 1);
}

/* What goes over the wire behind the tag, literals behind their announcements. */
static char *
wire_behind_tag(const ImapCommand *command)
{
	GString *wire = g_string_new(NULL);

	for (guint i = 0; i < command->parts->len; i++) {
		const ImapCommandPart *part = &g_array_index(command->parts, ImapCommandPart, i);

		if (part->literal)
			g_string_append_printf(wire, "{%" G_GSIZE_FORMAT "}", part->bytes->len);
		g_string_append(wire, part->bytes->str);
	}
	g_string_erase(wire, 0, (gssize)strlen(command->tag) + 1);
	return g_string_free(wire, FALSE);
}

typedef struct {
	const char *label, *bytes, *expected;
} AstringRow;

static const AstringRow astring_rows[] = {
	{"word", "INBOX", "\"INBOX\""},
	{"empty", "", "\"\""},
	{"space", "a b ", "\"a b \""},
	{"quote", "a\"b", "\"a\\\"b\""},
	{"backslash", "a\\b\\", "\"a\\\\b\\\\\""},
	{"format", "%s%n{5}", "\"%s%n{5}\""},
	{"wildcards", "*%", "\"*%\""},
	{"tilde", "~", "\"~\""},
	{"CR LF", "a\r\nb LOGOUT", "{11}a\r\nb LOGOUT"},
	{"LF", "\n", "{1}\n"},
	{"tab", "a\tb", "{3}a\tb"},
	{"DEL", "\x7f", "{1}\x7f"},
	{"UTF-8", "caf\xc3\xa9", "{5}caf\xc3\xa9"},
	{"8 bits", "\xff\x80", "{2}\xff\x80"},
	{"first control", "\x01", "{1}\x01"},
};

static void
test_astring(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(astring_rows); i++) {
		const AstringRow *row = &astring_rows[i];
		g_autoptr(ImapCommand) command = command_new("X", &handler, NULL);
		g_autofree char *wire = NULL, *text = NULL;

		g_test_message("%s", row->label);
		command_astring(command, row->bytes);
		wire = wire_behind_tag(command);
		text = text_behind_tag(command);
		g_assert_cmpstr(wire, ==, row->expected);
		g_assert_cmpstr(text, ==, row->expected);
	}
}

/* Long strings go as literals: servers bound their lines. */
static void
test_long_astring(void)
{
	static const struct {
		gsize length;
		gboolean literal;
	} rows[] = {{999, FALSE}, {1000, TRUE}, {100000, TRUE}};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *bytes = g_strnfill(rows[i].length, 'a');
		g_autoptr(ImapCommand) command = command_new("X", &handler, NULL);
		g_autofree char *wire = NULL;

		command_astring(command, bytes);
		wire = wire_behind_tag(command);
		g_assert_cmpint(wire[0], ==, rows[i].literal ? '{' : '"');
	}
}

static void
test_parts(void)
{
	g_autoptr(ImapCommand) command = command_new("RENAME", &handler, NULL);
	g_autofree char *wire = NULL;

	command_text(command, "RENAME ");
	command_astring(command, "a");
	command_text(command, " ");
	command_astring(command, "\xc3\xa9");
	command_text(command, " (%u %s)", 5u, "X");
	wire = wire_behind_tag(command);
	g_assert_cmpstr(wire, ==, "RENAME \"a\" {2}\xc3\xa9 (5 X)");
	g_assert_cmpstr(command->name, ==, "RENAME");
}

/* Quoted, literal or bare: no log shows it. */
static void
test_secrets(void)
{
	static const char *const secrets[] = {"hunter2", "hunter2\xc3\xa9", "hun\"ter2", ""};

	for (guint i = 0; i < G_N_ELEMENTS(secrets); i++) {
		g_autoptr(ImapCommand) command = command_new("LOGIN", &handler, NULL);
		g_autofree char *text = NULL, *wire = NULL;

		command_text(command, "LOGIN ");
		command_astring(command, "joe");
		command_text(command, " ");
		command_secret(command, secrets[i]);
		command_text(command, " x");
		text = text_behind_tag(command);
		wire = wire_behind_tag(command);
		g_assert_cmpstr(text, ==, "LOGIN \"joe\" (secret) x");
		g_assert_null(strstr(text, "hun"));
		g_assert_true(g_str_has_prefix(wire, "LOGIN \"joe\" "));
		g_assert_true(g_str_has_suffix(wire, " x"));
		g_assert_cmpint(strlen(wire), >=, strlen("LOGIN \"joe\"  x") + strlen(secrets[i]));
	}
}

static void
test_secret_word(void)
{
	g_autoptr(ImapCommand) command = command_new("AUTHENTICATE", &handler, NULL);
	g_autofree char *text = NULL, *wire = NULL;

	command_text(command, "AUTHENTICATE PLAIN ");
	command_secret_word(command, "AGpvZQ==");
	text = text_behind_tag(command);
	wire = wire_behind_tag(command);
	g_assert_cmpstr(text, ==, "AUTHENTICATE PLAIN (secret)");
	g_assert_cmpstr(wire, ==, "AUTHENTICATE PLAIN AGpvZQ==");
}

/* Atoms, all different, none to be foretold from another. */
static void
test_tags(void)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) random = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < 1000; i++) {
		g_autoptr(ImapCommand) command = command_new("NOOP", &handler, NULL);
		const char *dot = strchr(command->tag, '.');

		g_assert_cmpuint(strspn(command->tag, "0123456789abcdef."), ==,
		                 strlen(command->tag));
		g_assert_nonnull(dot);
		g_assert_true(g_hash_table_add(seen, g_strdup(command->tag)));
		g_hash_table_add(random, g_strdup(dot));
	}
	g_assert_cmpuint(g_hash_table_size(random), >, 990);
}

int
main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/command/astring", test_astring);
	g_test_add_func("/command/long-astring", test_long_astring);
	g_test_add_func("/command/parts", test_parts);
	g_test_add_func("/command/secrets", test_secrets);
	g_test_add_func("/command/secret-word", test_secret_word);
	g_test_add_func("/command/tags", test_tags);
	return g_test_run();
}
