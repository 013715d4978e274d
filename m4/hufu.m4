dnl SPDX-License-Identifier: Apache-2.0

dnl HUFU_PROBE_CFLAGS: our warnings and hardening, each probed by itself.
dnl Sets HUFU_CFLAGS and SANITIZE_FLAGS.
AC_DEFUN([HUFU_PROBE_CFLAGS], [
  HUFU_CFLAGS=
  m4_foreach_w([flag], [
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wswitch-enum
    -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -fstack-protector-strong -fstack-clash-protection
    -ftrivial-auto-var-init=zero -fvisibility=hidden -fno-strict-overflow],
    [AX_CHECK_COMPILE_FLAG(flag, [AS_VAR_APPEND([HUFU_CFLAGS], [" flag"])], [], [-Werror])])
  AS_IF([test "x$enable_werror" = xyes], [AS_VAR_APPEND([HUFU_CFLAGS], [" -Werror"])])
  SANITIZE_FLAGS=
  AS_IF([test "x$enable_sanitize" != xno],
        [SANITIZE_FLAGS="-fsanitize=$enable_sanitize -fno-omit-frame-pointer -fno-sanitize-recover=all"
         AX_CHECK_LINK_FLAG([$SANITIZE_FLAGS], [], [AC_MSG_ERROR([the compiler has no -fsanitize=$enable_sanitize])])])
  AM_CONDITIONAL([SANITIZED], [test "x$enable_sanitize" != xno])
  AC_SUBST([HUFU_CFLAGS])
  AC_SUBST([SANITIZE_FLAGS])
])

dnl HUFU_PROBE_LDFLAGS: relro, now, no undefined symbols (sanitizers need those).
AC_DEFUN([HUFU_PROBE_LDFLAGS], [
  HUFU_LDFLAGS=
  AX_CHECK_LINK_FLAG([-Wl,-z,relro], [AS_VAR_APPEND([HUFU_LDFLAGS], [" -Wl,-z,relro"])])
  AX_CHECK_LINK_FLAG([-Wl,-z,now], [AS_VAR_APPEND([HUFU_LDFLAGS], [" -Wl,-z,now"])])
  AS_IF([test "x$enable_sanitize" = xno],
        [AX_CHECK_LINK_FLAG([-Wl,-z,defs], [AS_VAR_APPEND([HUFU_LDFLAGS], [" -Wl,-z,defs"])])])
  AC_SUBST([HUFU_LDFLAGS])
])

dnl HUFU_WITH_OPENSSL: libcrypto from pkg-config, or of another prefix.
AC_DEFUN([HUFU_WITH_OPENSSL], [
  AC_ARG_WITH([openssl],
    [AS_HELP_STRING([--with-openssl=PREFIX], [use the OpenSSL (or Tongsuo) installed under PREFIX])],
    [], [with_openssl=yes])
  AS_CASE([$with_openssl],
    [yes], [PKG_CHECK_MODULES([OPENSSL], [libcrypto >= 3.0])
            PKG_CHECK_MODULES([SSL], [libssl >= 3.0])],
    [no], [AC_MSG_ERROR([hufu needs libcrypto])],
    [AS_IF([test -e "$with_openssl/include/openssl/opensslv.h"], [],
       [AC_MSG_ERROR([--with-openssl=$with_openssl: there is no include/openssl/opensslv.h under it; give the prefix that OpenSSL was installed to])])
     hufu_ssl_lib=$with_openssl/lib
     AS_IF([test -d "$with_openssl/lib64"], [hufu_ssl_lib=$with_openssl/lib64])
     OPENSSL_CFLAGS="-I$with_openssl/include"
     OPENSSL_LIBS="-L$hufu_ssl_lib -Wl,-rpath,$hufu_ssl_lib -lcrypto"
     hufu_saved_CFLAGS=$CFLAGS; hufu_saved_LIBS=$LIBS
     CFLAGS="$CFLAGS $OPENSSL_CFLAGS"; LIBS="$OPENSSL_LIBS $LIBS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <openssl/crypto.h>]], [[OSSL_LIB_CTX_free(OSSL_LIB_CTX_new());]])],
       [], [AC_MSG_ERROR([no usable libcrypto (3.0 or later) under $with_openssl])])
     CFLAGS=$hufu_saved_CFLAGS; LIBS=$hufu_saved_LIBS
     SSL_CFLAGS=$OPENSSL_CFLAGS
     SSL_LIBS="-L$hufu_ssl_lib -Wl,-rpath,$hufu_ssl_lib -lssl -lcrypto"
     AC_SUBST([SSL_CFLAGS]) AC_SUBST([SSL_LIBS])
     AC_SUBST([OPENSSL_CFLAGS]) AC_SUBST([OPENSSL_LIBS])])
  HUFU_CHECK_OPENSSL
])

dnl HUFU_CHECK_OPENSSL: what src/crypto and the soft driver take from libcrypto can be left out when that is built.
AC_DEFUN([HUFU_CHECK_OPENSSL], [
  AC_MSG_CHECKING([whether libcrypto has SHA512_Init and ECDSA_do_sign])
  hufu_saved_CFLAGS=$CFLAGS; hufu_saved_LIBS=$LIBS
  CFLAGS="$CFLAGS $OPENSSL_CFLAGS"; LIBS="$OPENSSL_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ec.h>
#include <openssl/sha.h>]], [[
SHA512_CTX sha; EC_KEY *key = EC_KEY_new_by_curve_name_ex(NULL, NULL, 415);
return SHA512_Init(&sha) && ECDSA_do_sign(NULL, 0, key);]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([this libcrypto was built with no-deprecated or no-ec, and hufu needs what that leaves out; name another with --with-openssl=PREFIX])])
  dnl Tongsuo's: RFC 8998 with nothing but SM2 certificates, and TLCP (GB/T 38636).
  LIBS="$SSL_LIBS $LIBS"
  AC_CHECK_FUNCS([SSL_CTX_enable_sm_tls13_strict])
  AC_CHECK_FUNC([SSL_CTX_enable_ntls],
    [AC_CHECK_FUNC([NTLS_client_method], [AC_DEFINE([HAVE_NTLS], [1], [libssl has TLCP])])])
  CFLAGS=$hufu_saved_CFLAGS; LIBS=$hufu_saved_LIBS
])
