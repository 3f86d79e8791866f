// The sandbox's certificate authority, compiled into these tests because io may not be linked to sandbox.
#include "sandbox/certificates.cpp"
