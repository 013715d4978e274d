# Frames, messages and the channels they travel on: both ends.
noinst_LTLIBRARIES += src/wire/libmessages.la src/wire/libwire.la
src_wire_libwire_la_SOURCES = \
	%reldir%/body.c \
	%reldir%/body.h \
	%reldir%/channel.c \
	%reldir%/channel.h \
	%reldir%/channel_address.c \
	%reldir%/channel_context.c \
	%reldir%/channel_internal.h \
	%reldir%/channel_peer.c \
	%reldir%/channel_profile.c \
	%reldir%/channel_socket.c \
	%reldir%/channel_tls.c \
	%reldir%/frame.c \
	%reldir%/frame.h \
	%reldir%/op.h \
	%reldir%/op_client.c \
	%reldir%/op_frames.c \
	%reldir%/op_hello.c \
	%reldir%/op_info.c \
	%reldir%/op_internal.h \
	%reldir%/op_machine.c \
	%reldir%/op_param.c \
	%reldir%/op_status.c \
	%reldir%/store_op.c \
	%reldir%/store_op.h
src_wire_libwire_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS) $(SSL_CFLAGS)
src_wire_libwire_la_LIBADD = $(SSL_LIBS)

# What protoc-c writes, under its own rules: our warnings stay out of it.
nodist_src_wire_libmessages_la_SOURCES = src/wire/hufu.pb-c.c src/wire/hufu.pb-c.h \
	src/wire/store.pb-c.c src/wire/store.pb-c.h
src_wire_libmessages_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
src_wire_libmessages_la_CFLAGS = $(AM_CFLAGS) -w
src_wire_libmessages_la_LIBADD = $(PROTOBUFC_LIBS)

# For those who write a client of their own: docs/PROTOCOL.md.
protodir = $(pkgdatadir)
dist_proto_DATA = %reldir%/hufu.proto %reldir%/store.proto
BUILT_SOURCES += src/wire/hufu.pb-c.h src/wire/store.pb-c.h
CLEANFILES += src/wire/hufu.pb-c.c src/wire/hufu.pb-c.h src/wire/store.pb-c.c src/wire/store.pb-c.h
src/wire/hufu.pb-c.h: src/wire/hufu.pb-c.c
src/wire/store.pb-c.h: src/wire/store.pb-c.c
src/wire/hufu.pb-c.c: %reldir%/hufu.proto
	$(AM_V_GEN)$(MKDIR_P) src/wire && $(PROTOC_C) --proto_path=$(srcdir)/%reldir% --c_out=src/wire $(srcdir)/%reldir%/hufu.proto
src/wire/store.pb-c.c: %reldir%/store.proto %reldir%/hufu.proto
	$(AM_V_GEN)$(MKDIR_P) src/wire && $(PROTOC_C) --proto_path=$(srcdir)/%reldir% --c_out=src/wire $(srcdir)/%reldir%/store.proto
