/* SPDX-License-Identifier: Apache-2.0 */
import java.net.Socket;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

/** Claim: JSSE serves TLS with keys that never leave the token, and asks clients for such. */
final class Tls {
	private final Token token;

	private Tls(Token token)
	{
		this.token = token;
	}

	public static void main(String[] args) throws Exception
	{
		Tls tls = new Tls(new Token(args[0], args[1]).login());
		/* Where JSSE looks for an implementation that takes the key; behind all others. */
		Security.addProvider(tls.token.provider);
		for (String alias : new String[] {"rsa", "ec384"})
			for (String protocol : new String[] {"TLSv1.2", "TLSv1.3"})
				Claims.claim(protocol + " with the " + alias + " key on both sides", () -> tls.connect(alias, protocol));
	}

	/** A handshake in which each side shows the token's certificate and trusts it alone. */
	private void connect(String alias, String protocol) throws Exception
	{
		SSLContext context = context(alias);
		ExecutorService pool = Executors.newSingleThreadExecutor();
		try (SSLServerSocket listener = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0)) {
			listener.setNeedClientAuth(true);
			listener.setEnabledProtocols(new String[] {protocol});
			Future<Certificate> client = pool.submit(() -> serve(listener));
			try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", listener.getLocalPort())) {
				socket.getOutputStream().write('?');
				Claims.hold(socket.getInputStream().read() == '!', "no answer");
				Claims.hold(socket.getSession().getProtocol().equals(protocol), "another protocol");
				Claims.same(token.store.getCertificate(alias).getEncoded(), socket.getSession().getPeerCertificates()[0].getEncoded());
			}
			Claims.same(token.store.getCertificate(alias).getEncoded(), client.get().getEncoded());
		} finally {
			pool.shutdown();
		}
	}

	private static Certificate serve(SSLServerSocket listener) throws Exception
	{
		try (SSLSocket socket = (SSLSocket) listener.accept()) {
			Claims.hold(socket.getInputStream().read() == '?', "no question");
			socket.getOutputStream().write('!');
			return socket.getSession().getPeerCertificates()[0];
		}
	}

	private SSLContext context(String alias) throws Exception
	{
		Certificate[] chain = token.store.getCertificateChain(alias);
		KeyStore trusted = KeyStore.getInstance("PKCS12");
		trusted.load(null, null);
		trusted.setCertificateEntry("peer", chain[chain.length - 1]);
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		trust.init(trusted);
		SSLContext context = SSLContext.getInstance("TLS");
		context.init(new KeyManager[] {new OneKey(alias, token.privateKey(alias), chain)}, trust.getTrustManagers(), null);
		return context;
	}

	/** Shows one key, whatever is asked for, so that no other serves in its place. */
	private static final class OneKey extends X509ExtendedKeyManager {
		private final String alias;
		private final PrivateKey key;
		private final X509Certificate[] chain;

		OneKey(String alias, PrivateKey key, Certificate[] chain)
		{
			this.alias = alias;
			this.key = key;
			this.chain = Arrays.copyOf(chain, chain.length, X509Certificate[].class);
		}

		@Override public String[] getClientAliases(String type, Principal[] issuers) { return new String[] {alias}; }
		@Override public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) { return alias; }
		@Override public String[] getServerAliases(String type, Principal[] issuers) { return new String[] {alias}; }
		@Override public String chooseServerAlias(String type, Principal[] issuers, Socket socket) { return fits(type) ? alias : null; }
		@Override public X509Certificate[] getCertificateChain(String name) { return chain; }
		@Override public PrivateKey getPrivateKey(String name) { return key; }

		private boolean fits(String type) { return type.startsWith("EC") == key.getAlgorithm().equals("EC"); }
	}
}
