/* SPDX-License-Identifier: Apache-2.0 */
import java.util.Arrays;

/** Says "ok CLAIM" or "not ok CLAIM: WHY" of each step; java.sh numbers them. */
final class Claims {
	interface Step {
		void run() throws Exception;
	}

	static void claim(String what, Step step)
	{
		try {
			step.run();
			System.out.println("ok " + what);
		} catch (Exception | AssertionError e) {
			System.out.println("not ok " + what + ": " + causes(e));
		}
	}

	static void refused(String what, Class<? extends Exception> how, Step step)
	{
		claim(what, () -> {
			try {
				step.run();
			} catch (Exception e) {
				if (how.isInstance(e))
					return;
				throw e;
			}
			throw new AssertionError("not refused");
		});
	}

	static void same(byte[] expected, byte[] got)
	{
		hold(Arrays.equals(expected, got), "the bytes differ");
	}

	static void hold(boolean condition, String otherwise)
	{
		if (!condition)
			throw new AssertionError(otherwise);
	}

	/** An exception and all that it came from, on one line. */
	static String causes(Throwable e)
	{
		StringBuilder line = new StringBuilder();
		for (; e != null; e = e.getCause())
			line.append(line.length() > 0 ? " <- " : "").append(String.valueOf(e).replace('\n', ' '));
		return line.toString();
	}

	private Claims() { }
}
