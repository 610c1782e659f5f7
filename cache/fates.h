/*
 * fates.h: what becomes of the names of mailboxes that the server tells (fates.c).
 */
#pragma once

#include "promise.h"

/* RENAME or DELETE @promise has been placed; it will not be carried out any more, or has been. */
void fates_add(const Promise *promise);
void fates_remove(const Promise *promise);

/* What the server calls @name, or would once change @after has been carried out, will be called
 * when all changes after that have been; NULL: it will be gone. Caller frees. */
char *overlay_fate(const Overlay *overlay, const char *name, Change after);

/* Listings that tell @name, or with @delimiter what is below it, are not believed ... */
void overlay_doom(Overlay *overlay, const char *name, char delimiter);
/* ... as often as that was said, from now on (@lags: not for another moment: servers may tell of it
 * still). */
void overlay_undoom(Overlay *overlay, const char *name, gboolean lags);

/* From when on listings are believed about what was changed just now. */
gint64 overlay_trust_again_us(void);

/* Whether @name is @above, or below it. */
gboolean name_is_within(const char *name, const char *above, char delimiter);
