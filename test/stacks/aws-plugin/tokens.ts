/**
 * Pure: @pulumi/aws has a module for each service, `aws:ec2/instance:Instance`; the bridge's names for the same resource
 * are made from Terraform's, `aws_instance`.
 */
const terraformNames: Readonly<Record<string, string>> = {
  'aws:ec2/vpc:Vpc': 'vpc',
  'aws:ec2/subnet:Subnet': 'subnet',
  'aws:ec2/internetGateway:InternetGateway': 'internet_gateway',
  'aws:ec2/routeTable:RouteTable': 'route_table',
  'aws:ec2/routeTableAssociation:RouteTableAssociation': 'route_table_association',
  'aws:ec2/securityGroup:SecurityGroup': 'security_group',
  'aws:ec2/keyPair:KeyPair': 'key_pair',
  'aws:ec2/eip:Eip': 'eip',
  'aws:ec2/eipAssociation:EipAssociation': 'eip_association',
  'aws:ec2/instance:Instance': 'instance',
  'aws:ec2/volumeAttachment:VolumeAttachment': 'volume_attachment',
  'aws:ebs/volume:Volume': 'ebs_volume',
};

/** `ebs_volume` → `aws:index/ebsVolume:EbsVolume`. What is no resource of AWS stays as it is. */
export function tokenOfBridge(token: string): string {
  const name = terraformNames[token];
  if (name === undefined) return token;
  const [first = '', ...rest] = name.split('_');
  const camel = [first, ...rest.map(capital)].join('');
  return `aws:index/${camel}:${capital(camel)}`;
}

const capital = (word: string): string => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
