/*
 * operations.h: the handlers, which run from their top as often as it takes (request.h).
 */
#pragma once

#include "request.h"

void run_lookup(Request *request);
void run_getattr(Request *request);
void run_opendir(Request *request);
void run_readdir(Request *request);
void run_open(Request *request);
void run_read(Request *request);
void run_getxattr(Request *request);
