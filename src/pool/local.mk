# The pool: who runs an op, and who runs it next when that one fails.
noinst_LTLIBRARIES += src/pool/libpool.la
src_pool_libpool_la_SOURCES = \
	%reldir%/admit.c \
	%reldir%/answer.c \
	%reldir%/async.c \
	%reldir%/attempt.c \
	%reldir%/bucket.c \
	%reldir%/bucket.h \
	%reldir%/budget.c \
	%reldir%/budget.h \
	%reldir%/call.c \
	%reldir%/call.h \
	%reldir%/calls.h \
	%reldir%/care.c \
	%reldir%/care.h \
	%reldir%/care_due.c \
	%reldir%/care_errand.c \
	%reldir%/care_internal.h \
	%reldir%/care_outcome.c \
	%reldir%/checker.c \
	%reldir%/checker.h \
	%reldir%/credential.c \
	%reldir%/device.c \
	%reldir%/domain.c \
	%reldir%/evict.c \
	%reldir%/flight.c \
	%reldir%/hedge.c \
	%reldir%/host.c \
	%reldir%/internal.h \
	%reldir%/judge.c \
	%reldir%/keeper.c \
	%reldir%/key.c \
	%reldir%/lane.c \
	%reldir%/lane.h \
	%reldir%/lane_internal.h \
	%reldir%/lane_lease.c \
	%reldir%/lane_thread.c \
	%reldir%/latency.c \
	%reldir%/latency.h \
	%reldir%/lease.c \
	%reldir%/members.c \
	%reldir%/offers.c \
	%reldir%/op_job.c \
	%reldir%/pick.c \
	%reldir%/pool.c \
	%reldir%/pool.h \
	%reldir%/probe.c \
	%reldir%/proof.c \
	%reldir%/resident.c \
	%reldir%/route.c \
	%reldir%/space.c \
	%reldir%/state.c \
	%reldir%/state.h \
	%reldir%/submit.c \
	%reldir%/threads.c \
	%reldir%/wait.c
src_pool_libpool_la_LIBADD = $(PTHREAD_LIBS)
