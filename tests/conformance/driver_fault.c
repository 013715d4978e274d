/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: the fault driver, told to do no harm, keeps the contract as what it wraps does. */
#include "driver_kit.h"

#include "driver/fault/fault.h"

int main(void)
{
	static const char *const options[] = {"wraps", "soft", "script", "", NULL};
	struct subject subject = direct_subject;

	subject.driver = &driver_fault;
	direct_use(&driver_fault, options);
	return driver_suite("fault", &subject);
}
