/* RSA moduli that can be factored: small factors, close primes, and the structure that CVE-2017-15361 left in its primes. */
#include "ca/x509/key_numbers.h"

#include <gmp.h>

static void number_take(mpz_t out, struct bytes number)
{
    mpz_init(out);
    mpz_import(out, number.size, 1, 1, 1, 0, number.data);
}

/* ---- small factors ---- */

static unsigned smallest_factor(const mpz_t modulus)
{
    for (unsigned divisor = 2; divisor < RSA_SMALL_FACTOR_LIMIT; divisor++) /* the first to divide is a prime */
        if (mpz_divisible_ui_p(modulus, divisor))
            return divisor;
    return 0;
}

/* One division by the product of all primes below the limit and one gcd, instead of a thousand divisions. */
unsigned rsa_small_factor(struct bytes modulus)
{
    mpz_t n, product;
    unsigned factor = 0;

    number_take(n, modulus);
    mpz_init(product);
    mpz_primorial_ui(product, RSA_SMALL_FACTOR_LIMIT - 1);
    if (mpz_sgn(n) == 0)
        factor = 2;
    else {
        mpz_mod(product, product, n);
        mpz_gcd(product, product, n);
        if (mpz_cmp_ui(product, 1) != 0)
            factor = smallest_factor(n);
    }
    mpz_clear(product);
    mpz_clear(n);
    return factor;
}

/* ---- ROCA ---- */

/* Is the residue a power of 65537 modulo the prime? */
static bool is_power(unsigned residue, unsigned prime)
{
    unsigned power = 1;

    do {
        if (power == residue)
            return true;
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

/* The library's primes are k*M + (65537^a mod M), M the product of the first primes: so is, modulo each of them, the product of
 * two such primes a power of 65537. The 38 odd primes that every size of key has in its M; those where 65537 generates the
 * whole group say nothing about a key that has no small factor, and cost little. */
bool rsa_is_roca(struct bytes modulus)
{
    static const uint8_t primes[] = {11,  13,  17,  19,  37,  53,  61,  71,  73,  79,  97,  103, 107, 109, 127, 151, 157, 3,  5, 7,
                                     23,  29,  31,  41,  43,  47,  59,  67,  83,  89,  101, 113, 131, 137, 139, 149, 163, 167};
    bool fits = true;
    mpz_t n;

    number_take(n, modulus);
    for (size_t i = 0; fits && i < sizeof primes; i++)
        fits = is_power((unsigned)mpz_fdiv_ui(n, primes[i]), primes[i]);
    mpz_clear(n);
    return fits;
}

/* ---- close primes ---- */

/* n = a^2 - b^2 with a from the square root upwards. From a to a + 1 the square grows by 2a + 1. */
static bool fermat_factors(const mpz_t n, mpz_t a, mpz_t rest)
{
    mpz_sqrt(a, n);
    mpz_mul(rest, a, a);
    if (mpz_cmp(rest, n) == 0)
        return true; /* the square of one number */
    mpz_add_ui(a, a, 1);
    mpz_mul(rest, a, a);
    mpz_sub(rest, rest, n);
    for (int round = 0; round < RSA_FERMAT_ROUNDS; round++) {
        if (mpz_perfect_square_p(rest))
            return true;
        mpz_addmul_ui(rest, a, 2);
        mpz_add_ui(rest, rest, 1);
        mpz_add_ui(a, a, 1);
    }
    return false;
}

bool rsa_primes_are_close(struct bytes modulus)
{
    mpz_t n, a, rest;
    bool close;

    number_take(n, modulus);
    mpz_init(a);
    mpz_init(rest);
    close = fermat_factors(n, a, rest);
    mpz_clear(rest);
    mpz_clear(a);
    mpz_clear(n);
    return close;
}
