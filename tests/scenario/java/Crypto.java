/* SPDX-License-Identifier: Apache-2.0 */
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Claim: what the token computes is what Java's own providers compute, both ways. */
final class Crypto {
	private static final SecureRandom random = new SecureRandom();
	private final Token token;
	private final Provider p11;

	private Crypto(Token token)
	{
		this.token = token;
		this.p11 = token.provider;
	}

	public static void main(String[] args) throws Exception
	{
		Crypto crypto = new Crypto(new Token(args[0], args[1]).login());
		crypto.digests();
		crypto.macs();
		crypto.signatures();
		crypto.importedSigners();
		crypto.ciphers();
		crypto.gcm();
		crypto.rsaCiphers();
		crypto.secretKeys();
		crypto.agreements();
		crypto.randoms();
	}

	private static byte[] bytes(int n)
	{
		byte[] b = new byte[n];
		random.nextBytes(b);
		return b;
	}

	private void digests()
	{
		for (String name : new String[] {"SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-256"})
			Claims.claim(name, () -> {
				MessageDigest ours = MessageDigest.getInstance(name, p11);
				MessageDigest theirs = MessageDigest.getInstance(name, "SUN");
				for (int size : new int[] {0, 1, 63, 64, 65, 127, 128, 1000, 100000}) {
					byte[] data = bytes(size);
					Claims.same(theirs.digest(data), ours.digest(data));
				}
			});
		Claims.claim("a digest in parts, cloned half way", () -> {
			byte[] data = bytes(300);
			MessageDigest ours = MessageDigest.getInstance("SHA-256", p11);
			for (int i = 0; i < 200; i++)
				ours.update(data[i]);
			MessageDigest twin = (MessageDigest) ours.clone();
			ours.update(data, 200, 100);
			Claims.same(MessageDigest.getInstance("SHA-256", "SUN").digest(data), ours.digest());
			Claims.same(MessageDigest.getInstance("SHA-256", "SUN").digest(Arrays.copyOf(data, 200)), twin.digest());
		});
	}

	private void macs()
	{
		for (String name : new String[] {"HmacSHA1", "HmacSHA224", "HmacSHA256", "HmacSHA384", "HmacSHA512"})
			Claims.claim(name, () -> {
				SecretKeySpec key = new SecretKeySpec(bytes(64), name);
				Mac ours = Mac.getInstance(name, p11);
				Mac theirs = Mac.getInstance(name, "SunJCE");
				ours.init(key);
				theirs.init(key);
				for (int size : new int[] {0, 1, 64, 1000, 100000}) {
					byte[] data = bytes(size);
					Claims.same(theirs.doFinal(data), ours.doFinal(data));
				}
			});
	}

	private interface Keys {
		PrivateKey signer() throws Exception;
		PublicKey verifier() throws Exception;
	}

	private Keys stored(String alias)
	{
		return new Keys() {
			public PrivateKey signer() throws Exception { return token.privateKey(alias); }
			public PublicKey verifier() throws Exception { return token.publicKey(alias); }
		};
	}

	private void signature(String name, Keys keys, String software, AlgorithmParameterSpec parameters)
	{
		Claims.claim(name, () -> signOnce(name, keys, software, parameters));
	}

	/** Signed by the token and verified in software, verified by the token, and refused by it when changed. */
	private void signOnce(String name, Keys keys, String software, AlgorithmParameterSpec parameters) throws Exception
	{
		byte[] data = bytes(1000);
		Signature ours = Signature.getInstance(name, p11);
		if (parameters != null)
			ours.setParameter(parameters);
		ours.initSign(keys.signer());
		ours.update(data, 0, 10);
		ours.update(data, 10, 990);
		byte[] signature = ours.sign();

		Signature theirs = Signature.getInstance(name, software);
		if (parameters != null)
			theirs.setParameter(parameters);
		theirs.initVerify(softwareKey(keys.verifier()));
		theirs.update(data);
		Claims.hold(theirs.verify(signature), "software does not accept the signature");

		ours.initVerify(keys.verifier());
		ours.update(data);
		Claims.hold(ours.verify(signature), "the token does not accept its signature");
		data[500] ^= 1;
		ours.update(data);
		Claims.hold(!ours.verify(signature), "the token accepts it for other data");
	}

	/** The same public key, out of the token. */
	private static PublicKey softwareKey(PublicKey key) throws Exception
	{
		return KeyFactory.getInstance(key.getAlgorithm(), key.getAlgorithm().equals("EC") ? "SunEC" : "SunRsaSign")
			.generatePublic(new X509EncodedKeySpec(key.getEncoded()));
	}

	private void signatures()
	{
		for (String hash : new String[] {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}) {
			signature(hash + "withRSA", stored("rsa"), "SunRsaSign", null);
			signature(hash + "withECDSA", stored("ec"), "SunEC", null);
		}
		rawSignature("NONEwithECDSA", stored("ec"), "SunEC", 32);
		signature("SHA384withECDSA", stored("ec384"), "SunEC", null);
		/* SunPKCS11 drops the zeros that r and s both begin with, as every fourth signature has on this curve; the
		   shorter one is to be taken (PKCS#11 3.1 6.3.1). */
		Claims.claim("SHA512withECDSA on P-521, thirty times", () -> {
			for (int i = 0; i < 30; i++)
				signOnce("SHA512withECDSA", stored("ec521"), "SunEC", null);
		});
		signature("SHA256withECDSAinP1363Format", stored("ec"), "SunEC", null);
		signature("RSASSA-PSS", stored("rsa"), "SunRsaSign", pss("SHA-256", MGF1ParameterSpec.SHA256, 32));
		signature("RSASSA-PSS", stored("rsa"), "SunRsaSign", pss("SHA-384", MGF1ParameterSpec.SHA384, 0));
	}

	private static PSSParameterSpec pss(String hash, MGF1ParameterSpec mgf, int salt)
	{
		return new PSSParameterSpec(hash, "MGF1", mgf, salt, 1);
	}

	/** Of a digest that the caller made, which fits one call. */
	private void rawSignature(String name, Keys keys, String software, int size)
	{
		Claims.claim(name, () -> {
			byte[] digest = bytes(size);
			Signature ours = Signature.getInstance(name, p11);
			ours.initSign(keys.signer());
			ours.update(digest);
			Signature theirs = Signature.getInstance(name, software);
			theirs.initVerify(softwareKey(keys.verifier()));
			theirs.update(digest);
			Claims.hold(theirs.verify(ours.sign()), "software does not accept the signature");
		});
	}

	/** Keys made in software and given to the token by C_CreateObject; and keys of a session, never stored. */
	private void importedSigners()
	{
		Claims.claim("an RSA key from outside signs", () -> imported("RSA", "SunRsaSign", 2048, "SHA256withRSA"));
		Claims.claim("an EC key from outside signs", () -> imported("EC", "SunEC", 256, "SHA256withECDSA"));
		Claims.claim("an EC key pair of the session", () -> {
			KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", p11);
			generator.initialize(new ECGenParameterSpec("secp256r1"));
			KeyPair pair = generator.generateKeyPair();
			pairSigns("SHA256withECDSA", "SunEC", pair.getPrivate(), pair.getPublic());
		});
		Claims.claim("an RSA key pair of the session", () -> {
			KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", p11);
			generator.initialize(2048);
			KeyPair pair = generator.generateKeyPair();
			pairSigns("SHA256withRSA", "SunRsaSign", pair.getPrivate(), pair.getPublic());
		});
	}

	private void imported(String algorithm, String software, int nbits, String signature) throws Exception
	{
		KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, software);
		generator.initialize(nbits);
		KeyPair pair = generator.generateKeyPair();
		PrivateKey inside = KeyFactory.getInstance(algorithm, p11)
			.generatePrivate(new PKCS8EncodedKeySpec(pair.getPrivate().getEncoded()));
		pairSigns(signature, software, inside, pair.getPublic());
	}

	private void pairSigns(String name, String software, PrivateKey signer, PublicKey verifier) throws Exception
	{
		byte[] data = bytes(100);
		Signature ours = Signature.getInstance(name, p11);
		ours.initSign(signer);
		ours.update(data);
		byte[] signature = ours.sign();
		Signature theirs = Signature.getInstance(name, software);
		theirs.initVerify(softwareKey(verifier));
		theirs.update(data);
		Claims.hold(theirs.verify(signature), "software does not accept the signature");
	}

	private void ciphers()
	{
		for (int nbytes : new int[] {16, 24, 32}) {
			cipher("AES/ECB/NoPadding", nbytes, false, false);
			cipher("AES/CBC/NoPadding", nbytes, true, false);
			cipher("AES/ECB/PKCS5Padding", nbytes, false, true);
			cipher("AES/CBC/PKCS5Padding", nbytes, true, true);
			cipher("AES/CTR/NoPadding", nbytes, true, true);
		}
	}

	/** The token enciphers as software does and deciphers what software made, at once and in parts. */
	private void cipher(String name, int nbytes, boolean iv, boolean anyLength)
	{
		Claims.claim(name + ", " + nbytes * 8 + " bits", () -> {
			SecretKeySpec key = new SecretKeySpec(bytes(nbytes), "AES");
			IvParameterSpec parameters = iv ? new IvParameterSpec(bytes(16)) : null;
			Cipher ours = Cipher.getInstance(name, p11);
			Cipher theirs = Cipher.getInstance(name, "SunJCE");
			int[] sizes = anyLength ? new int[] {1, 15, 16, 17, 1000, 70000} : new int[] {16, 32, 1024, 70000 / 16 * 16};
			for (int size : sizes) {
				byte[] data = bytes(size);
				ours.init(Cipher.ENCRYPT_MODE, key, parameters);
				theirs.init(Cipher.ENCRYPT_MODE, key, parameters);
				byte[] expected = theirs.doFinal(data);
				Claims.same(expected, ours.doFinal(data));
				ours.init(Cipher.DECRYPT_MODE, key, parameters);
				Claims.same(data, inParts(ours, expected));
			}
		});
	}

	private static byte[] inParts(Cipher cipher, byte[] data) throws Exception
	{
		byte[] out = new byte[cipher.getOutputSize(data.length) + 16];
		int n = 0;
		for (int at = 0, step = 1; at < data.length; at += step, step = step * 3 + 1) {
			step = Math.min(step, data.length - at);
			n += cipher.update(data, at, step, out, n);
		}
		n += cipher.doFinal(out, n);
		return Arrays.copyOf(out, n);
	}

	private void gcm()
	{
		SecretKeySpec key = new SecretKeySpec(bytes(16), "AES");
		GCMParameterSpec parameters = new GCMParameterSpec(128, bytes(12));
		byte[] data = bytes(1000), aad = bytes(20);
		Claims.claim("AES/GCM/NoPadding", () -> {
			byte[] expected = gcm("SunJCE", Cipher.ENCRYPT_MODE, key, parameters, aad, data);
			Claims.same(expected, gcm(p11.getName(), Cipher.ENCRYPT_MODE, key, parameters, aad, data));
			Claims.same(data, gcm(p11.getName(), Cipher.DECRYPT_MODE, key, parameters, aad, expected));
		});
		Claims.claim("AES/GCM/NoPadding of nothing", () -> {
			byte[] none = {};
			byte[] expected = gcm("SunJCE", Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(96, new byte[12]), none, none);
			Claims.same(expected, gcm(p11.getName(), Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(96, new byte[12]), none, none));
		});
		Claims.refused("a forged tag", AEADBadTagException.class, () -> {
			byte[] forged = gcm("SunJCE", Cipher.ENCRYPT_MODE, key, parameters, aad, data);
			forged[forged.length - 1] ^= 1;
			gcm(p11.getName(), Cipher.DECRYPT_MODE, key, parameters, aad, forged);
		});
	}

	private byte[] gcm(String provider, int mode, SecretKey key, GCMParameterSpec parameters, byte[] aad, byte[] data) throws Exception
	{
		Cipher cipher = provider.equals(p11.getName()) ? Cipher.getInstance("AES/GCM/NoPadding", p11)
			: Cipher.getInstance("AES/GCM/NoPadding", provider);
		cipher.init(mode, key, parameters);
		cipher.updateAAD(aad);
		return cipher.doFinal(data);
	}

	private void rsaCiphers()
	{
		Claims.claim("RSA/ECB/PKCS1Padding, deciphered by the token", () -> {
			byte[] data = bytes(100);
			Cipher theirs = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
			theirs.init(Cipher.ENCRYPT_MODE, softwareKey(token.publicKey("rsa")));
			Cipher ours = Cipher.getInstance("RSA/ECB/PKCS1Padding", p11);
			ours.init(Cipher.DECRYPT_MODE, token.privateKey("rsa"));
			Claims.same(data, ours.doFinal(theirs.doFinal(data)));
		});
		Claims.claim("RSA/ECB/PKCS1Padding, enciphered by the token", () -> {
			byte[] data = bytes(100);
			KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", "SunRsaSign");
			generator.initialize(2048);
			KeyPair pair = generator.generateKeyPair();
			Cipher ours = Cipher.getInstance("RSA/ECB/PKCS1Padding", p11);
			ours.init(Cipher.ENCRYPT_MODE, pair.getPublic());
			Cipher theirs = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
			theirs.init(Cipher.DECRYPT_MODE, pair.getPrivate());
			Claims.same(data, theirs.doFinal(ours.doFinal(data)));
		});
		Claims.claim("RSA/ECB/NoPadding", () -> {
			byte[] data = bytes(256);
			data[0] = 0; /* less than any modulus */
			Cipher theirs = Cipher.getInstance("RSA/ECB/NoPadding", "SunJCE");
			theirs.init(Cipher.ENCRYPT_MODE, softwareKey(token.publicKey("rsa")));
			Cipher ours = Cipher.getInstance("RSA/ECB/NoPadding", p11);
			ours.init(Cipher.DECRYPT_MODE, token.privateKey("rsa"));
			Claims.same(data, ours.doFinal(theirs.doFinal(data)));
		});
	}

	private void secretKeys()
	{
		Claims.claim("KeyGenerator AES", () -> {
			for (int nbits : new int[] {128, 192, 256}) {
				SecretKey key = aes(nbits);
				Claims.hold(key.getEncoded().length * 8 == nbits, "the wrong length");
				IvParameterSpec iv = new IvParameterSpec(bytes(16));
				byte[] data = bytes(100);
				Cipher ours = Cipher.getInstance("AES/CBC/PKCS5Padding", p11);
				ours.init(Cipher.ENCRYPT_MODE, key, iv);
				Cipher theirs = Cipher.getInstance("AES/CBC/PKCS5Padding", "SunJCE");
				theirs.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key.getEncoded(), "AES"), iv);
				Claims.same(data, theirs.doFinal(ours.doFinal(data)));
			}
		});
		Claims.claim("an AES key wrapped by software, unwrapped by the token", () -> {
			SecretKeySpec key = new SecretKeySpec(bytes(32), "AES");
			Cipher theirs = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
			theirs.init(Cipher.WRAP_MODE, softwareKey(token.publicKey("rsa")));
			Cipher ours = Cipher.getInstance("RSA/ECB/PKCS1Padding", p11);
			ours.init(Cipher.UNWRAP_MODE, token.privateKey("rsa"));
			sameKey(key, (SecretKey) ours.unwrap(theirs.wrap(key), "AES", Cipher.SECRET_KEY));
		});
		Claims.claim("an AES key wrapped by the token, unwrapped by software", () -> {
			KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", "SunRsaSign");
			generator.initialize(2048);
			KeyPair pair = generator.generateKeyPair();
			SecretKey key = aes(256);
			Cipher ours = Cipher.getInstance("RSA/ECB/PKCS1Padding", p11);
			ours.init(Cipher.WRAP_MODE, pair.getPublic());
			Cipher theirs = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
			theirs.init(Cipher.UNWRAP_MODE, pair.getPrivate());
			sameKey((SecretKey) theirs.unwrap(ours.wrap(key), "AES", Cipher.SECRET_KEY), key);
		});
		Claims.claim("an AES key stored, found by its alias, and deleted", () -> {
			byte[] data = bytes(16), value = bytes(32);
			token.store.setKeyEntry("stored", new SecretKeySpec(value, "AES"), null, null);
			Cipher ours = Cipher.getInstance("AES/ECB/NoPadding", p11);
			ours.init(Cipher.ENCRYPT_MODE, token.store.getKey("stored", null));
			Cipher theirs = Cipher.getInstance("AES/ECB/NoPadding", "SunJCE");
			theirs.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(value, "AES"));
			Claims.same(theirs.doFinal(data), ours.doFinal(data));
			token.store.deleteEntry("stored");
			Claims.hold(!token.store.containsAlias("stored"), "it is still there");
		});
	}

	private SecretKey aes(int nbits) throws Exception
	{
		KeyGenerator generator = KeyGenerator.getInstance("AES", p11);
		generator.init(nbits);
		return generator.generateKey();
	}

	/** Two keys with one effect: a token's key need not show its value. */
	private void sameKey(SecretKey software, SecretKey inside) throws Exception
	{
		byte[] data = bytes(16);
		Cipher ours = Cipher.getInstance("AES/ECB/NoPadding", p11);
		ours.init(Cipher.ENCRYPT_MODE, inside);
		Cipher theirs = Cipher.getInstance("AES/ECB/NoPadding", "SunJCE");
		theirs.init(Cipher.ENCRYPT_MODE, software);
		Claims.same(theirs.doFinal(data), ours.doFinal(data));
	}

	private void agreements()
	{
		for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"})
			Claims.claim("ECDH on " + curve, () -> {
				KeyPairGenerator inside = KeyPairGenerator.getInstance("EC", p11);
				inside.initialize(new ECGenParameterSpec(curve));
				KeyPair ours = inside.generateKeyPair();
				KeyPairGenerator outside = KeyPairGenerator.getInstance("EC", "SunEC");
				outside.initialize(new ECGenParameterSpec(curve));
				KeyPair theirs = outside.generateKeyPair();

				KeyAgreement a = KeyAgreement.getInstance("ECDH", p11);
				a.init(ours.getPrivate());
				a.doPhase(theirs.getPublic(), true);
				KeyAgreement b = KeyAgreement.getInstance("ECDH", "SunEC");
				b.init(theirs.getPrivate());
				b.doPhase(softwareKey(ours.getPublic()), true);
				Claims.same(b.generateSecret(), a.generateSecret());
			});
	}

	private void randoms()
	{
		Claims.claim("SecureRandom PKCS11", () -> {
			SecureRandom inside = SecureRandom.getInstance("PKCS11", p11);
			inside.setSeed(bytes(32));
			byte[] a = new byte[1000], b = new byte[1000];
			inside.nextBytes(a);
			inside.nextBytes(b);
			Claims.hold(!Arrays.equals(a, b), "twice the same");
			Claims.hold(!Arrays.equals(a, new byte[1000]), "zeros");
		});
	}
}
