/* SPDX-License-Identifier: Apache-2.0 */
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Claim: sixteen threads sign and encipher at once, and software accepts each result. */
final class Threads {
	private static final int NTHREADS = 16, NROUNDS = 25;
	private final Token token;
	private final SecretKeySpec aes;

	private Threads(Token token)
	{
		byte[] value = new byte[32];
		new SecureRandom().nextBytes(value);
		this.token = token;
		this.aes = new SecretKeySpec(value, "AES");
	}

	public static void main(String[] args) throws Exception
	{
		Threads threads = new Threads(new Token(args[0], args[1]).login());
		Claims.claim(NTHREADS + " threads sign with RSA", () -> threads.all(() -> threads.sign("rsa", "SHA256withRSA", "SunRsaSign")));
		Claims.claim(NTHREADS + " threads sign with ECDSA", () -> threads.all(() -> threads.sign("ec", "SHA256withECDSA", "SunEC")));
		Claims.claim(NTHREADS + " threads encipher with GCM", () -> threads.all(threads::gcm));
		Claims.claim(NTHREADS + " threads encipher with CBC, in parts", () -> threads.all(threads::cbc));
		Claims.claim(NTHREADS + " threads do all of it", () -> threads.all(() -> {
			threads.sign("rsa", "SHA512withRSA", "SunRsaSign");
			threads.sign("ec", "SHA1withECDSA", "SunEC");
			threads.gcm();
			return threads.cbc();
		}));
	}

	/** Every thread's rounds; the first that fails throws. */
	private void all(Callable<Void> round) throws Exception
	{
		ExecutorService pool = Executors.newFixedThreadPool(NTHREADS);
		List<Future<Void>> ends = new ArrayList<>();
		for (int i = 0; i < NTHREADS; i++)
			ends.add(pool.submit(() -> {
				for (int r = 0; r < NROUNDS; r++)
					round.call();
				return null;
			}));
		pool.shutdown();
		for (Future<Void> end : ends)
			end.get();
	}

	private static byte[] bytes(int n)
	{
		byte[] b = new byte[n];
		new SecureRandom().nextBytes(b);
		return b;
	}

	private Void sign(String alias, String name, String software) throws Exception
	{
		PrivateKey signer = token.privateKey(alias);
		PublicKey verifier = token.publicKey(alias);
		byte[] data = bytes(200);
		Signature ours = Signature.getInstance(name, token.provider);
		ours.initSign(signer);
		ours.update(data);
		byte[] signature = ours.sign();
		Signature theirs = Signature.getInstance(name, software);
		theirs.initVerify(verifier);
		theirs.update(data);
		Claims.hold(theirs.verify(signature), "software does not accept a signature");
		return null;
	}

	private Void gcm() throws Exception
	{
		byte[] data = bytes(500), iv = bytes(12);
		Cipher ours = Cipher.getInstance("AES/GCM/NoPadding", token.provider);
		ours.init(Cipher.ENCRYPT_MODE, aes, new GCMParameterSpec(128, iv));
		Cipher theirs = Cipher.getInstance("AES/GCM/NoPadding", "SunJCE");
		theirs.init(Cipher.DECRYPT_MODE, aes, new GCMParameterSpec(128, iv));
		Claims.same(data, theirs.doFinal(ours.doFinal(data)));
		return null;
	}

	private Void cbc() throws Exception
	{
		byte[] data = bytes(500), iv = bytes(16), whole = new byte[512];
		Cipher ours = Cipher.getInstance("AES/CBC/PKCS5Padding", token.provider);
		ours.init(Cipher.ENCRYPT_MODE, aes, new IvParameterSpec(iv));
		int n = ours.update(data, 0, 77, whole, 0);
		n += ours.doFinal(data, 77, 423, whole, n);
		Claims.hold(n == whole.length, "the wrong length");
		Cipher theirs = Cipher.getInstance("AES/CBC/PKCS5Padding", "SunJCE");
		theirs.init(Cipher.DECRYPT_MODE, aes, new IvParameterSpec(iv));
		Claims.same(data, theirs.doFinal(whole));
		return null;
	}
}
