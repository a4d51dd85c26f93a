import type { NextConfig } from 'next';

const config: NextConfig = {
  // A native addon cannot be bundled: Node.js loads it from node_modules when the server runs.
  serverExternalPackages: ['@computesdk/docker'],
  // Only because this example lies inside another package, whose lockfile Next.js would go by.
  turbopack: { root: __dirname },
};

export default config;
