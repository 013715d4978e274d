/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: the soft driver keeps the contract of hufu/driver.h. */
#include "driver_kit.h"

#include "driver/driver.h"

int main(void)
{
	struct subject subject = direct_subject;

	subject.driver = &driver_soft;
	direct_use(&driver_soft, NULL);
	return driver_suite("soft", &subject);
}
