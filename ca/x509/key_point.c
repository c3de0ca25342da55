/* Points: is what an EC or Ed25519 key holds on its curve? All three NIST curves have cofactor 1, so that on the curve is in the
 * group; Ed25519 has cofactor 8. SEC 1 3.2.2.1, FIPS 186-5, RFC 8032. */
#include "ca/x509/key_numbers.h"

#include <gmp.h>

static const struct curve { /* y^2 = x^3 - 3x + b over the field of p elements: SP 800-186 3.2.1 */
    unsigned bits;
    const char *p, *b;
} curves[] = {
    {256, "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
     "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"},
    {384, "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
     "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"},
    {521, "1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
          "ffffffff",
     "051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46"
     "b503f00"},
};

static bool equation_holds(const struct curve *curve, const mpz_t x, const mpz_t y)
{
    mpz_t p, left, right;
    bool holds = false;

    mpz_init_set_str(p, curve->p, 16);
    mpz_init_set_str(right, curve->b, 16);
    mpz_init(left);
    if (mpz_cmp(x, p) < 0 && mpz_cmp(y, p) < 0) {
        mpz_mul(left, x, x);
        mpz_sub_ui(left, left, 3);
        mpz_addmul(right, left, x); /* x^3 - 3x + b */
        mpz_submul(right, y, y);
        holds = mpz_divisible_p(right, p) != 0;
    }
    mpz_clears(p, left, right, NULL);
    return holds;
}

bool point_is_on_curve(unsigned bits, struct bytes point)
{
    size_t size = (bits + 7) / 8;
    bool on = false;
    mpz_t x, y;

    if (point.size != 1 + 2 * size || point.data[0] != 0x04)
        return false;
    mpz_inits(x, y, NULL);
    mpz_import(x, size, 1, 1, 1, 0, point.data + 1);
    mpz_import(y, size, 1, 1, 1, 0, point.data + 1 + size);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        if (curves[i].bits == bits)
            on = equation_holds(&curves[i], x, y);
    mpz_clears(x, y, NULL);
    return on;
}

/* ---- edwards25519: -x^2 + y^2 = 1 + d x^2 y^2 ---- */

struct edwards {
    mpz_t p, d, yy, xx, low; /* yy, xx: squares of the coordinates; low: scratch */
};

static void edwards_open(struct edwards *e)
{
    mpz_inits(e->p, e->d, e->yy, e->xx, e->low, NULL);
    mpz_set_ui(e->p, 1);
    mpz_mul_2exp(e->p, e->p, 255);
    mpz_sub_ui(e->p, e->p, 19);
    mpz_set_str(e->d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3", 16);
}

static void edwards_close(struct edwards *e)
{
    mpz_clears(e->p, e->d, e->yy, e->xx, e->low, NULL);
}

/* x^2 = (y^2 - 1) / (d y^2 + 1); the divisor is never zero, as -1/d is no square. */
static void edwards_x_of_y(struct edwards *e)
{
    mpz_mul(e->low, e->d, e->yy);
    mpz_add_ui(e->low, e->low, 1);
    mpz_invert(e->low, e->low, e->p);
    mpz_sub_ui(e->xx, e->yy, 1);
    mpz_mul(e->xx, e->xx, e->low);
    mpz_mod(e->xx, e->xx, e->p);
}

/* The y of twice the point: (y^2 + x^2) / (1 - d x^2 y^2). Only squares are needed, so the sign of x does not matter. */
static void edwards_double(struct edwards *e, mpz_t y)
{
    mpz_mul(e->low, e->xx, e->yy);
    mpz_mul(e->low, e->low, e->d);
    mpz_ui_sub(e->low, 1, e->low);
    mpz_invert(e->low, e->low, e->p);
    mpz_add(y, e->yy, e->xx);
    mpz_mul(y, y, e->low);
    mpz_mod(y, y, e->p);
}

static void edwards_take(struct edwards *e, const mpz_t y)
{
    mpz_mul(e->yy, y, y);
    mpz_mod(e->yy, e->yy, e->p);
    edwards_x_of_y(e);
}

/* On the curve, and eight times it is not the neutral element, whose y alone is 1. */
static bool edwards_point_is_good(struct edwards *e, mpz_t y)
{
    if (mpz_cmp(y, e->p) >= 0)
        return false;
    edwards_take(e, y);
    if (mpz_legendre(e->xx, e->p) < 0)
        return false;
    for (int i = 0; i < 3; i++) {
        edwards_double(e, y);
        edwards_take(e, y);
    }
    return mpz_cmp_ui(y, 1) != 0;
}

bool ed25519_point_is_good(struct bytes point)
{
    struct edwards e;
    bool good;
    mpz_t y;

    if (point.size != 32)
        return false;
    mpz_init(y);
    mpz_import(y, 32, -1, 1, 1, 0, point.data);
    mpz_clrbit(y, 255); /* the sign of x */
    edwards_open(&e);
    good = edwards_point_is_good(&e, y);
    edwards_close(&e);
    mpz_clear(y);
    return good;
}
