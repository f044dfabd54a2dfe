import { defineConfig } from 'vite';

// Names without hashes: the program embeds these three files and tells browsers of changes by ETag.
export default defineConfig({
  build: {
    outDir: process.env.SLIPSTREAM_WEB_DIST ?? 'dist',
    emptyOutDir: true,
    modulePreload: false,
    rollupOptions: {
      output: { entryFileNames: 'app.js', assetFileNames: 'app.[ext]', inlineDynamicImports: true },
    },
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8081',
      '/ws': { target: 'ws://127.0.0.1:8081', ws: true },
    },
  },
});
