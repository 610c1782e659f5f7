/*
 * deliver.h: the end of a mount that changed something.
 */
#pragma once

#include "imapfs/change.h"

/* When nobody can make changes any more: runs @loop until the server has carried out all of them,
 * or cannot be reached, or @seconds have passed, or *@stop is TRUE after the loop was quit. Logs
 * how many are left, and what becomes of them. */
void deliver_changes(Account *account, GMainLoop *loop, guint seconds, const gboolean *stop);
