/* SPDX-License-Identifier: Apache-2.0 */
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.SecretKeySpec;

/** SunPKCS11 on the module under test, and the keys that keytool left there. */
final class Token {
	final Provider provider;
	final char[] pin;
	KeyStore store;
	/* An object of a session keeps it open, and the login with it: SunPKCS11 closes the session in which it made a
	   digest, and who closes the last one is logged out (PKCS#11 3.1 5.6.7). */
	private SecretKey anchor;

	/** The configuration's file, and the file with the PIN. */
	Token(String configuration, String pinFile) throws IOException
	{
		provider = Security.getProvider("SunPKCS11").configure(configuration);
		pin = Files.readString(Path.of(pinFile)).strip().toCharArray();
	}

	Token login() throws Exception
	{
		store = KeyStore.getInstance("PKCS11", provider);
		store.load(null, pin);
		anchor = SecretKeyFactory.getInstance("AES", provider).translateKey(new SecretKeySpec(new byte[16], "AES"));
		return this;
	}

	PrivateKey privateKey(String alias) throws Exception
	{
		PrivateKey key = (PrivateKey) store.getKey(alias, null);
		Claims.hold(key != null, "there is no key " + alias);
		return key;
	}

	PublicKey publicKey(String alias) throws Exception
	{
		return store.getCertificate(alias).getPublicKey();
	}
}
