/**
 * Names of ports, as `/etc/services` of Debian 12 has them: those that people type and meet.
 */

/** Name, port, protocols, other names. */
const SERVICES = `
echo 7/tcp,udp
discard 9/tcp,udp sink null
daytime 13/tcp,udp
chargen 19/tcp,udp ttytst source
ftp-data 20/tcp
ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
time 37/tcp,udp timserver
whois 43/tcp nicname
domain 53/tcp,udp
bootps 67/udp
bootpc 68/udp
tftp 69/udp
gopher 70/tcp
finger 79/tcp
http 80/tcp www
kerberos 88/tcp,udp kerberos5 krb5 kerberos-sec
pop3 110/tcp pop-3
sunrpc 111/tcp,udp portmapper
ntp 123/udp
epmap 135/tcp loc-srv
netbios-ns 137/udp
netbios-dgm 138/udp
netbios-ssn 139/tcp
imap2 143/tcp imap
snmp 161/tcp,udp
snmp-trap 162/tcp,udp snmptrap
bgp 179/tcp
ldap 389/tcp,udp
https 443/tcp,udp
microsoft-ds 445/tcp
submissions 465/tcp ssmtp smtps urd
ipp 631/tcp
syslog 514/udp
submission 587/tcp
ldaps 636/tcp,udp
domain-s 853/tcp,udp
rsync 873/tcp
imaps 993/tcp
pop3s 995/tcp
socks 1080/tcp
openvpn 1194/tcp,udp
radius 1812/tcp,udp
radius-acct 1813/tcp,udp radacct
nfs 2049/tcp,udp
iscsi-target 3260/tcp
mysql 3306/tcp
sip 5060/tcp,udp
sip-tls 5061/tcp,udp
xmpp-client 5222/tcp jabber-client
mdns 5353/udp
postgresql 5432/tcp postgres
amqps 5671/tcp
amqp 5672/tcp,sctp
x11 6000/tcp x11-0
redis 6379/tcp
http-alt 8080/tcp webcache
zabbix-agent 10050/tcp
zabbix-trapper 10051/tcp
syslog-tls 6514/tcp
git 9418/tcp
`;

interface Service {
  readonly name: string;
  readonly port: number;
  readonly protocols: readonly string[];
}

const byName = new Map<string, Service>();
const byPort = new Map<string, string>();
for (const line of SERVICES.trim().split('\n')) {
  const [name = '', place = '', ...aliases] = line.split(' ');
  const [port = '', protocols = ''] = place.split('/');
  const service = { name, port: Number(port), protocols: protocols.split(',') };
  for (const each of [name, ...aliases]) byName.set(each, service);
  for (const protocol of service.protocols) byPort.set(`${port}/${protocol}`, name);
}

/** The port of a service of this protocol (`any` for whichever has it); undefined for no service. */
export function portOfService(name: string, protocol = 'any'): number | undefined {
  const service = byName.get(name);
  if (protocol !== 'any' && service?.protocols.includes(protocol) !== true) return undefined;
  return service?.port;
}

/** The name of a port (`getservbyport`); undefined when it has none. */
export function serviceOfPort(port: number, protocol: string): string | undefined {
  return byPort.get(`${port}/${protocol}`);
}
