// The one place that knows where Arb's headers are: in FLINT 3 (<flint/arb.h>) or beside FLINT 2.
#pragma once

#if __has_include(<flint/arb.h>)
#include <flint/arb.h>
#include <flint/arb_hypgeom.h>
#include <flint/arb_mat.h>
#include <flint/fmpq.h>
#else
#include <arb.h>
#include <arb_hypgeom.h>
#include <arb_mat.h>
#include <flint/fmpq.h>
#endif
