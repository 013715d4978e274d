# Where objects live: SQLite, with MACs and seals of its own.
noinst_LTLIBRARIES += src/store/libstore.la
src_store_libstore_la_SOURCES = \
	%reldir%/ask.c \
	%reldir%/cache.c \
	%reldir%/care.c \
	%reldir%/conn.c \
	%reldir%/copy.c \
	%reldir%/credential.c \
	%reldir%/domain.c \
	%reldir%/engine.c \
	%reldir%/engine.h \
	%reldir%/file.c \
	%reldir%/file_care.c \
	%reldir%/file_create.c \
	%reldir%/find.c \
	%reldir%/fork.c \
	%reldir%/head.c \
	%reldir%/host.c \
	%reldir%/init.c \
	%reldir%/internal.h \
	%reldir%/kind.h \
	%reldir%/net/ask.c \
	%reldir%/net/login.c \
	%reldir%/net/net.c \
	%reldir%/net/net.h \
	%reldir%/net/rows.c \
	%reldir%/object.c \
	%reldir%/pin.c \
	%reldir%/ring.c \
	%reldir%/ring.h \
	%reldir%/row.c \
	%reldir%/row.h \
	%reldir%/schema.c \
	%reldir%/sealed.c \
	%reldir%/sqlite.c \
	%reldir%/sqlite.h \
	%reldir%/store.c \
	%reldir%/store.h \
	%reldir%/token.c
src_store_libstore_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
src_store_libstore_la_LIBADD = $(SQLITE_LIBS) $(PTHREAD_LIBS)

if HUFUD
# For hufud and the tool alone: the module brings no libpq into its programs.
noinst_LTLIBRARIES += src/store/postgres/libpostgres.la
src_store_postgres_libpostgres_la_SOURCES = \
	%reldir%/postgres/conn.c \
	%reldir%/postgres/engine.c \
	%reldir%/postgres/postgres.h \
	%reldir%/postgres/register.h \
	%reldir%/postgres/servers.c \
	%reldir%/postgres/tables.c
src_store_postgres_libpostgres_la_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
src_store_postgres_libpostgres_la_LIBADD = $(PQ_LIBS)
STORE_ENGINES = src/store/postgres/libpostgres.la
endif
