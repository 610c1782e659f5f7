/*
 * Files that were closed and had to wait for a connection (unsent.c): delivered, one after the
 * other, as soon as they may have what they waited for, as if they were closed once more.
 */
#include "draft.h"

struct Held {
	Waiter waiter;
	Overlay *overlay;
	GArray *handles; /* guint64, of those that are still to be tried */
	guint source;
};

static gboolean
is_held(const Draft *draft)
{
	return draft->held && !draft->n_open && !draft->unlinked;
}

/* Those that cannot be delivered now either stay for the next time. */
static gboolean
deliver(gpointer data)
{
	Held *held = data;

	held->source = 0;
	while (held->handles->len) {
		guint64 handle = g_array_index(held->handles, guint64, 0);
		const Draft *draft = draft_of_handle(held->overlay, handle);
		g_autoptr(GError) error = NULL;
		Change change;

		if (draft && is_held(draft) &&
		    draft_deliver(held->overlay->account, handle, &change, &held->waiter, &error) ==
		            CACHE_PARKED)
			return G_SOURCE_REMOVE;
		g_array_remove_index(held->handles, 0);
	}
	return G_SOURCE_REMOVE;
}

static void
on_wake(Waiter *waiter, const GError *error)
{
	Held *held = (Held *)waiter;

	if (error)
		g_array_remove_index(held->handles, 0);
	held->source = g_idle_add(deliver, held);
}

void
held_deliver(Held *held)
{
	g_autoptr(GPtrArray) unsent = NULL;

	if (!held || held->source || held->handles->len)
		return;
	unsent = unsent_list(held->overlay, 0);
	for (guint i = 0; i < unsent->len; i++) {
		const Draft *draft = unsent->pdata[i];

		if (draft->held)
			g_array_append_val(held->handles, draft->handle);
	}
	if (held->handles->len)
		held->source = g_idle_add(deliver, held);
}

Held *
held_new(Overlay *overlay)
{
	Held *held = g_new0(Held, 1);

	held->overlay = overlay;
	held->waiter.wake = on_wake;
	held->handles = g_array_new(FALSE, FALSE, sizeof(guint64));
	return held;
}

void
held_free(Held *held)
{
	waiter_cancel(&held->waiter);
	g_clear_handle_id(&held->source, g_source_remove);
	g_array_unref(held->handles);
	g_free(held);
}
