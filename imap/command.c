/*
 * Building commands. A string from outside is quoted only if it is printable ASCII; anything else
 * goes as a literal, which nothing can break out of.
 */
#include "command.h"

#include <stdarg.h>
#include <string.h>
#include <sys/random.h>

static void
part_clear(gpointer data)
{
	ImapCommandPart *part = data;

	g_clear_pointer(&part->content, g_bytes_unref);
	if (!part->bytes)
		return;
	explicit_bzero(part->bytes->str, part->bytes->allocated_len);
	g_string_free(part->bytes, TRUE);
}

ImapCommand *
command_new(const char *name, const ImapCommandHandler *handler, gpointer data)
{
	static guint counter;
	ImapCommand *command = g_new0(ImapCommand, 1);
	guint32 random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = g_random_int();
	g_snprintf(command->tag, sizeof(command->tag), "%x.%08x", ++counter, random);
	command->name = name;
	command->handler = handler;
	command->data = data;
	command->parts = g_array_new(FALSE, FALSE, sizeof(ImapCommandPart));
	g_array_set_clear_func(command->parts, part_clear);
	command_text(command, "%s ", command->tag);
	return command;
}

void
command_free(ImapCommand *command)
{
	g_array_unref(command->parts);
	g_free(command);
}

static GString *
command_part(ImapCommand *command, gboolean literal, gboolean secret)
{
	ImapCommandPart part = {.literal = literal, .secret = secret};

	if (command->parts->len) {
		ImapCommandPart *last =
			&g_array_index(command->parts, ImapCommandPart, command->parts->len - 1);

		if (!literal && !last->literal && last->secret == secret)
			return last->bytes;
	}
	part.bytes = g_string_sized_new(80);
	g_array_append_val(command->parts, part);
	return part.bytes;
}

void
command_text(ImapCommand *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_string_append_vprintf(command_part(command, FALSE, FALSE), format, arguments);
	va_end(arguments);
}

static gboolean
can_be_quoted(const char *bytes)
{
	for (const char *c = bytes; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return FALSE;
	return strlen(bytes) < 1000;
}

static void
command_string(ImapCommand *command, const char *bytes, gboolean secret)
{
	GString *text;

	if (!can_be_quoted(bytes)) {
		g_string_append(command_part(command, TRUE, secret), bytes);
		return;
	}
	text = command_part(command, FALSE, secret);
	g_string_append_c(text, '"');
	for (const char *c = bytes; *c; c++) {
		if (*c == '"' || *c == '\\')
			g_string_append_c(text, '\\');
		g_string_append_c(text, *c);
	}
	g_string_append_c(text, '"');
}

void
command_astring(ImapCommand *command, const char *bytes)
{
	command_string(command, bytes, FALSE);
}

void
command_secret(ImapCommand *command, const char *bytes)
{
	command_string(command, bytes, TRUE);
}

void
command_secret_word(ImapCommand *command, const char *word)
{
	g_string_append(command_part(command, FALSE, TRUE), word);
}

void
command_content(ImapCommand *command, GBytes *content, gboolean binary)
{
	ImapCommandPart part = {.content = g_bytes_ref(content), .literal = TRUE, .binary = binary};

	g_array_append_val(command->parts, part);
}

const char *
command_part_data(const ImapCommandPart *part, gsize *length)
{
	if (part->content)
		return g_bytes_get_data(part->content, length);
	*length = part->bytes->len;
	return part->bytes->str;
}

char *
command_to_text(const ImapCommand *command)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < command->parts->len; i++) {
		const ImapCommandPart *part = &g_array_index(command->parts, ImapCommandPart, i);

		if (part->content)
			g_string_append_printf(text, "{%" G_GSIZE_FORMAT "}...",
			                       g_bytes_get_size(part->content));
		else if (part->secret)
			g_string_append(text, "(secret)");
		else if (part->literal)
			g_string_append_printf(text, "{%" G_GSIZE_FORMAT "}%s", part->bytes->len,
			                       part->bytes->str);
		else
			g_string_append(text, part->bytes->str);
	}
	return g_string_free(text, FALSE);
}
