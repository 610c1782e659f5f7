/*
 * What tests of reading ahead walk over.
 */
#include "walk.h"

#include <string.h>

Setup
setup_new(guint64 memory)
{
	Setup setup = {.fixture = fixture_new(memory, NULL)};

	setup.fake = setup.fixture->fake;
	return setup;
}

void
setup_clear(Setup *setup)
{
	fixture_free(setup->fixture);
}

FakeMessage *
add_message(FakeMailbox *mailbox, guint64 size)
{
	guint32 hash = (mailbox->next_uid ^ mailbox->next_uid << 16) * 0x7feb352du;
	char name[16];

	hash = (hash ^ hash >> 15) * 0x846ca68bu;
	g_snprintf(name, sizeof(name), "%08x", hash ^ hash >> 16);
	return fake_message_add(mailbox, name, size);
}

FakeMailbox *
add_mailbox(Setup *setup, const char *name, guint n, guint64 least, guint64 most)
{
	FakeMailbox *mailbox = fake_mailbox_add(setup->fake, name, 1);
	g_autoptr(GRand) rand = g_rand_new_with_seed(n);

	for (guint i = 0; i < n; i++) {
		guint64 more = least == most
		                       ? 0
		                       : (guint64)g_rand_int_range(rand, 0, (gint32)(most - least));

		add_message(mailbox, least + more);
	}
	fixture_open(setup->fixture, name, 1);
	return mailbox;
}

guint64
id_in(const Setup *setup, const FakeMailbox *mailbox, guint32 uid)
{
	return message_id(fixture_mailbox_id(setup->fixture, mailbox->name), uid);
}

void
read_whole(Setup *setup, FakeMailbox *mailbox, guint32 uid)
{
	fixture_read_through(setup->fixture, id_in(setup, mailbox, uid), fake_message(mailbox, uid),
	                     PIECE);
}

static gint
compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
	FakeMailbox *mailbox = data;

	return strcmp(fake_message(mailbox, *(const guint32 *)a)->name,
	              fake_message(mailbox, *(const guint32 *)b)->name);
}

GArray *
path_of(FakeMailbox *mailbox, Order order, guint gap, guint32 seed)
{
	GArray *uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	GArray *path = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

	for (guint i = 0; i < mailbox->messages->len; i++)
		g_array_append_val(uids, ((FakeMessage *)mailbox->messages->pdata[i])->uid);
	if (order == BY_NAME)
		g_array_sort_with_data(uids, compare_names, mailbox);
	for (guint i = 0; i < uids->len; i += (guint)g_rand_int_range(rand, 1, (gint32)gap + 1))
		g_array_append_val(path, g_array_index(uids, guint32, i));
	g_array_unref(uids);
	return path;
}

guint64
all_bytes(const FakeMailbox *mailbox)
{
	guint64 n_bytes = 0;

	for (guint i = 0; i < mailbox->messages->len; i++)
		n_bytes += ((const FakeMessage *)mailbox->messages->pdata[i])->size;
	return n_bytes;
}

void
walk(Setup *setup, FakeMailbox *mailbox, const GArray *path)
{
	for (guint i = 0; i < path->len; i++)
		read_whole(setup, mailbox, g_array_index(path, guint32, i));
}

guint
times_asked(const Setup *setup, guint32 uid)
{
	guint n = 0;

	for (guint i = 0; i < setup->fake->reads->len; i++)
		n += g_array_index(setup->fake->reads, FakeRead, i).uid == uid;
	for (guint i = 0; i < setup->fake->many->len; i++) {
		const FakeMany *many = setup->fake->many->pdata[i];

		for (guint k = 0; k < many->uids->len; k++)
			n += g_array_index(many->uids, guint32, k) == uid;
	}
	return n;
}
