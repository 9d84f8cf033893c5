// What Docent calls of NVIDIA's libraries, declared by ourselves: the libraries are opened at run time and their headers
// are needed nowhere. Layouts and values were checked against the headers of CUDA 13.0 and cuDNN 9.19.
#ifndef CCUDA_H
#define CCUDA_H

#include "cuda_layouts.h"
#include "cuda_driver.h"
#include "cuda_libraries.h"
#include "kernel_arguments.h"

#endif
