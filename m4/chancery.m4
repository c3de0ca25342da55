# Checks that pkg-config cannot make, and the house's compiler flags.

AC_DEFUN([CHANCERY_BERKELEY_DB], [
  AC_CHECK_HEADER([db.h], [], [AC_MSG_ERROR([db.h is needed (package libdb5.3-dev)])])
  save_LIBS=$LIBS
  AC_SEARCH_LIBS([db_create], [db-5.3 db], [], [AC_MSG_ERROR([Berkeley DB 5.3 is needed (package libdb5.3-dev)])])
  DB_LIBS="$ac_cv_search_db_create"
  LIBS=$save_LIBS
  AC_SUBST([DB_LIBS])
])

AC_DEFUN([CHANCERY_UNISTRING], [
  AC_CHECK_HEADER([unictype.h], [], [AC_MSG_ERROR([unictype.h is needed (package libunistring-dev)])])
  save_LIBS=$LIBS
  AC_SEARCH_LIBS([u8_mbtoucr], [unistring], [], [AC_MSG_ERROR([libunistring is needed (package libunistring-dev)])])
  UNISTRING_LIBS="$ac_cv_search_u8_mbtoucr"
  LIBS=$save_LIBS
  AC_SUBST([UNISTRING_LIBS])
])

AC_DEFUN([CHANCERY_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [warnings are errors @<:@yes in a checkout, else no@:>@])],
    [], [AS_IF([test -e "$srcdir/.git"], [enable_werror=yes], [enable_werror=no])])
  WARN_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wno-unused-parameter -Wno-missing-field-initializers"
  AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  HARDEN_CFLAGS="-fstack-protector-strong -fno-strict-aliasing -pthread"
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([HARDEN_CFLAGS])
])

AC_DEFUN([CHANCERY_SANITIZERS], [
  AC_ARG_ENABLE([sanitizers],
    [AS_HELP_STRING([--enable-sanitizers=LIST], [build with sanitizers, e.g. address,undefined or thread @<:@no@:>@])],
    [], [enable_sanitizers=no])
  SANITIZE_CFLAGS=
  AS_IF([test "$enable_sanitizers" != no],
    [SANITIZE_CFLAGS="-fsanitize=$enable_sanitizers -fno-sanitize-recover=all -fno-omit-frame-pointer"],
    [AC_DEFINE([HARDENED], [1], [built for use: no sanitizer is in the way of a seccomp filter])
     HARDEN_CFLAGS="$HARDEN_CFLAGS -D_FORTIFY_SOURCE=2"])
  AC_SUBST([SANITIZE_CFLAGS])
])

AC_DEFUN([CHANCERY_MUTANTS], [
  AC_ARG_ENABLE([mutants],
    [AS_HELP_STRING([--enable-mutants], [refusals can be switched off, for tests/refusals; never for use @<:@no@:>@])],
    [], [enable_mutants=no])
  MUTANT_CPPFLAGS=
  AS_IF([test "$enable_mutants" = yes], [MUTANT_CPPFLAGS=-DCHANCERY_MUTANTS])
  AC_SUBST([MUTANT_CPPFLAGS])
  AM_CONDITIONAL([MUTANTS], [test "$enable_mutants" = yes])
])
